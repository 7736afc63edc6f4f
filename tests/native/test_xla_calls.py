"""The machine code as XLA has it, and where it is taken."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hornbook.layers.kv_cache import write_kv_reference
from hornbook.layers.norm import layer_norm_reference, rms_norm_reference
from hornbook.native import xla_calls, xla_handler
from hornbook.native.processor import this_processor
from hornbook.native.scope import SWITCH, machine_code, report

pytestmark = [
    pytest.mark.backends("jax"),
    pytest.mark.skipif(this_processor() is None, reason="no machine code for this processor"),
]
RNG = np.random.default_rng(0)


def test_product_with_one_of_several_kernels(calls):
    inputs, kernels = (
        jnp.asarray(RNG.normal(size=x), "bfloat16") for x in ((3, 101), (4, 67, 101))
    )
    for number in range(4):
        made = jax.jit(calls.native_product)(inputs, kernels, jnp.int32(number))
        expected = np.asarray(inputs, "f8") @ np.asarray(kernels[number], "f8").T
        np.testing.assert_allclose(np.asarray(made, "f8"), expected, atol=1e-5, rtol=2**-7)


@pytest.mark.parametrize(
    "dtypes", [("float32",) * 3, ("bfloat16",) * 3, ("bfloat16", "float32", "bfloat16")]
)
@pytest.mark.parametrize("shape", [(1, 1, 37), (3, 160), (5, 5), (2, 3, 22001)])
@pytest.mark.parametrize("kind", ["RMS", "layer", "layer without a bias"])
def test_norm_is_its_reference(calls, kind, shape, dtypes):
    """To the last place but one, as sums in another order are rounded otherwise."""
    inputs = jnp.asarray(3 + 2 * RNG.normal(size=shape), dtypes[0])
    scale, bias = (jnp.asarray(RNG.normal(size=shape[-1:]), dtypes[1]) for _ in range(2))
    bias = bias if kind == "layer" else None
    made = jax.jit(calls.native_norm, static_argnums=(3, 4, 5))(
        inputs, scale, bias, 1e-3, dtypes[2], kind != "RMS"
    )
    if kind == "RMS":
        expected = rms_norm_reference(inputs, scale, 1e-3, dtypes[2])
    else:
        expected = layer_norm_reference(inputs, scale, bias, 1e-3)
    assert made.dtype == expected.dtype
    places = 1e-5 if dtypes[2] == "float32" else 2**-6
    expected = np.asarray(expected, "f8")
    np.testing.assert_allclose(np.asarray(made, "f8"), expected, atol=1e-5, rtol=places)
    assert np.mean(np.asarray(made, "f8") != expected) < (1 if dtypes[2] == "float32" else 0.02)


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("has_slots", [True, False])
def test_write_is_its_reference(calls, dtype, length, has_slots):
    cache = jnp.asarray(RNG.integers(0, 999, (3, 2, 7, 5)), dtype)
    new = jnp.asarray(RNG.integers(0, 999, (3, 2, length, 5)), dtype)
    slots = jnp.asarray([0, 7 - length, 2], "int32")
    if has_slots:
        slots = jnp.stack([RNG.permutation(7)[:length] for _ in range(3)]).astype("int32")
    kept = np.array(cache)
    made = jax.jit(calls.native_write)(cache, new, slots)
    np.testing.assert_array_equal(made, write_kv_reference(cache, new, slots))
    np.testing.assert_array_equal(cache, kept)  # it is still somebody's


def test_what_lies_outside_is_not_written(calls):
    cache = jnp.zeros((1, 1, 4, 2))
    slots = jnp.asarray([[-1, 4, 2, 1 << 30]], "int32")
    made = jax.jit(calls.native_write)(cache, jnp.ones((1, 1, 4, 2)), slots)
    assert made[0, 0, :, 0].tolist() == [0, 0, 1, 0]


def test_threads_share_the_work():
    """In a process of its own, with four threads; those of the tests have one each."""
    program = Path(__file__).with_name("threads.py")
    environment = {**os.environ, "NPROC": "4", "XLA_FLAGS": ""}
    subprocess.run([sys.executable, program], check=True, env=environment)


def shapes(batch=2, length=1, heads=4, kv_heads=2, slots=64, dim=16, dtype="float32"):
    return (
        jnp.zeros((batch, length, heads, dim)),
        *(jnp.zeros((batch, kv_heads, slots, dim), dtype),) * 2,
        jnp.ones((1, 1, 1, slots), bool),
    )


def test_what_is_taken():
    with machine_code():
        assert xla_calls.has_native_product(2, "bfloat16")
        assert xla_calls.has_native_product(1, "float32")
        assert not xla_calls.has_native_product(1, jnp.dtype("bfloat16"))
        assert not xla_calls.has_native_product(1, "float16")
        assert not xla_calls.has_native_product(1000, "bfloat16")
        assert xla_calls.has_native_attention(*shapes())
        assert xla_calls.has_native_attention(*shapes(dtype="bfloat16"))
        assert xla_calls.has_native_attention(*shapes(dtype="uint16"))
        assert xla_calls.has_head_dims(16, 64)
        assert not xla_calls.has_native_attention(*shapes(dtype="float16"))
        assert not xla_calls.has_native_attention(*shapes(dim=4))
        assert not xla_calls.has_native_attention(*shapes(length=1000))
        assert not xla_calls.has_native_attention(*shapes()[:3], None)
        assert not xla_calls.has_native_attention(*shapes()[:3], jnp.ones((1, 4, 1, 64), bool))
        assert not xla_calls.has_native_attention(*shapes()[:3], jnp.ones((1, 1, 1, 1), bool))
        assert not xla_calls.has_native_attention(*shapes()[:3], jnp.ones((64,), bool))


def test_a_cache_in_float16_is_not_taken():
    cache = jnp.zeros((1, 1, 4, 2), "float16")
    with machine_code():
        assert not xla_calls.has_native_write(cache, cache[:, :, :1], jnp.zeros(1, "int32"))
        whole = cache.astype("float32")
        assert xla_calls.has_native_write(whole, whole[:, :, :1], jnp.zeros(1, "int32"))


def assert_is_off():
    with machine_code():
        assert not xla_calls.has_native_product(2, "bfloat16")
        assert not xla_calls.has_native_attention(*shapes())
        assert not xla_calls.has_head_dims(16)


def test_only_where_it_is_allowed(monkeypatch):
    assert not xla_calls.has_native_product(2, "bfloat16")
    assert report().startswith(this_processor().name)
    for no in ("0", "Off"):
        monkeypatch.setenv(SWITCH, no)
        assert_is_off()
        assert report() == f"none: turned off by {SWITCH}={no}"


def test_not_on_an_accelerator(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert_is_off()


def test_not_with_several_devices(monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: 2)
    assert_is_off()


@pytest.mark.parametrize("minor", [0, 99])
def test_not_with_an_unknown_interface(minor, monkeypatch):
    header = f"#define XLA_FFI_API_MAJOR 0\n#define XLA_FFI_API_MINOR {minor}"
    monkeypatch.setattr(xla_handler, "_header", lambda framework: header)
    xla_handler._version.cache_clear()
    assert_is_off()
    monkeypatch.undo()
    xla_handler._version.cache_clear()
    assert xla_handler.is_known(xla_calls._framework())


def test_not_without_llvmlite(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    this_processor.cache_clear()
    assert_is_off()
    assert "llvmlite" in report()
    monkeypatch.undo()
    this_processor.cache_clear()
    with machine_code():
        assert xla_calls.has_native_product(2, "bfloat16")
