"""The machine code against the plain form, as this processor and as smaller ones would have it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hornbook.layers.dot_product_attention import dot_product_attention_reference
from hornbook.layers.kv_cache import write_kv_reference
from hornbook.native import jax_calls, xla_handler
from hornbook.native.processor import this_processor
from hornbook.native.scope import SWITCH, machine_code, report

pytestmark = [
    pytest.mark.backends("jax"),
    pytest.mark.skipif(this_processor() is None, reason="no machine code for this processor"),
]
RNG = np.random.default_rng(0)


@pytest.fixture(params=["this", "without a bfloat16 product", "AVX2"])
def processor(request, monkeypatch):
    """A processor whose code this one can run."""
    own = this_processor()
    narrow = {"name": "haswell", "features": "+avx2,+fma", "lanes": 8}
    changes = {
        "this": {},
        "without a bfloat16 product": {"has_bfloat16_dot": False},
        "AVX2": {"has_bfloat16_dot": False, **narrow},
    }
    chosen = replace(own, **changes[request.param])
    monkeypatch.setattr(jax_calls, "this_processor", lambda: chosen)
    return chosen


def normal(*shape, dtype="bfloat16"):
    return jnp.asarray(RNG.normal(size=shape), dtype)


def assert_is_product(made, inputs, kernel):
    """It is added up in float32, and rounded once: half a place of bfloat16 at most."""
    expected = np.asarray(inputs, "f8") @ np.asarray(kernel, "f8").T
    place = {"float32": 1e-5, "bfloat16": 2**-8}[made.dtype.name]
    np.testing.assert_allclose(np.asarray(made, "f8"), expected, atol=1e-5, rtol=1.01 * place)


def test_nothing_to_do(processor):
    assert jax_calls.native_product(normal(2, 8), normal(0, 8)).shape == (2, 0)


def test_product_with_one_of_several_kernels(processor):
    inputs, kernels = normal(3, 101), normal(4, 67, 101)
    for number in range(4):
        made = jax.jit(jax_calls.native_product)(inputs, kernels, jnp.int32(number))
        assert_is_product(made, inputs, kernels[number])


# Widths of whole steps, of less than one, and in between; units that no block divides.
@pytest.mark.parametrize(("width", "units"), [(160, 40), (37, 5), (5, 1), (101, 67)])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 12, 31])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_product_is_numpys(processor, rows, width, units, dtype):
    inputs, kernel = (normal(*shape, dtype=dtype) for shape in ((rows, width), (units, width)))
    assert_is_product(jax.jit(jax_calls.native_product)(inputs, kernel), inputs, kernel)


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("has_slots", [True, False])
def test_write_is_its_reference(processor, dtype, length, has_slots):
    cache = jnp.asarray(RNG.integers(0, 999, (3, 2, 7, 5)), dtype)
    new = jnp.asarray(RNG.integers(0, 999, (3, 2, length, 5)), dtype)
    slots = jnp.asarray([0, 7 - length, 2], "int32")
    if has_slots:
        slots = jnp.stack([RNG.permutation(7)[:length] for _ in range(3)]).astype("int32")
    kept = np.array(cache)
    made = jax.jit(jax_calls.native_write)(cache, new, slots)
    np.testing.assert_array_equal(made, write_kv_reference(cache, new, slots))
    np.testing.assert_array_equal(cache, kept)  # it is still somebody's


def test_what_lies_outside_is_not_written(processor):
    cache = jnp.zeros((1, 1, 4, 2))
    slots = jnp.asarray([[-1, 4, 2, 1 << 30]], "int32")
    made = jax.jit(jax_calls.native_write)(cache, jnp.ones((1, 1, 4, 2)), slots)
    assert made[0, 0, :, 0].tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("masks", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("batch", "length", "heads", "kv_heads", "slots", "dim", "value_dim"),
    [(3, 1, 4, 4, 128, 32, 32), (2, 3, 6, 2, 101, 64, 16), (1, 2, 5, 1, 16, 16, 48)],
)
def test_attention_is_its_reference(
    processor, batch, length, heads, kv_heads, slots, dim, value_dim, dtype, masks
):
    query = jnp.asarray(2 * RNG.normal(size=(batch, length, heads, dim)), "float32")
    key = jnp.asarray(RNG.normal(size=(batch, kv_heads, slots, dim)), dtype)
    value = jnp.asarray(RNG.normal(size=(batch, kv_heads, slots, value_dim)), dtype)
    mask = RNG.random((batch if masks[0] else 1, 1, length if masks[1] else 1, slots)) < 0.5
    mask[..., slots // 2 :] = False  # blocks that nobody looks at
    mask[..., 3] = True
    made = jax.jit(jax_calls.native_attention, static_argnums=4)(query, key, value, mask, 0.3)
    expected = dot_product_attention_reference(
        query, key.astype("float32"), value.astype("float32"), jnp.asarray(mask), scale=0.3
    )
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_who_may_look_nowhere_gets_zeros(processor):
    cache = jnp.ones((1, 1, 64, 16))
    mask = np.zeros((1, 1, 2, 64), bool)
    mask[0, 0, 1, 5] = True
    made = jax_calls.native_attention(jnp.ones((1, 2, 1, 16)), cache, cache, mask, 1.0)
    np.testing.assert_array_equal(made, [[[0.0] * 16, [1.0] * 16]])


def test_scores_far_apart(processor):
    """The highest score so far only ever rises; weights below it may vanish, and none overflows."""
    key = jnp.asarray(np.linspace(-300, 300, 128)[None, None, :, None] * np.ones(16), "float32")
    value = jnp.asarray(RNG.normal(size=(1, 1, 128, 16)), "float32")
    for sign in (1.0, -1.0):
        query = jnp.full((1, 1, 1, 16), sign)
        mask = jnp.ones((1, 1, 1, 128), bool)
        made = jax_calls.native_attention(query, key, value, mask, 1.0)
        best = value[0, 0, -1 if sign > 0 else 0]
        np.testing.assert_allclose(made[0, 0], best, atol=1e-6)


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
        assert jax_calls.has_native_product(2, "bfloat16")
        assert jax_calls.has_native_product(1, "float32")
        assert not jax_calls.has_native_product(1, "float16")
        assert not jax_calls.has_native_product(1000, "bfloat16")
        assert jax_calls.has_native_attention(*shapes())
        assert jax_calls.has_native_attention(*shapes(dtype="bfloat16"))
        assert jax_calls.has_native_attention(*shapes(dtype="uint16"))
        assert jax_calls.has_head_dims(16, 64)
        assert not jax_calls.has_native_attention(*shapes(dtype="float16"))
        assert not jax_calls.has_native_attention(*shapes(dim=4))
        assert not jax_calls.has_native_attention(*shapes(length=1000))
        assert not jax_calls.has_native_attention(*shapes()[:3], None)
        assert not jax_calls.has_native_attention(*shapes()[:3], jnp.ones((1, 4, 1, 64), bool))
        assert not jax_calls.has_native_attention(*shapes()[:3], jnp.ones((1, 1, 1, 1), bool))
        assert not jax_calls.has_native_attention(*shapes()[:3], jnp.ones((64,), bool))


def assert_is_off():
    with machine_code():
        assert not jax_calls.has_native_product(2, "bfloat16")
        assert not jax_calls.has_native_attention(*shapes())
        assert not jax_calls.has_head_dims(16)


def test_only_where_it_is_allowed(monkeypatch):
    assert not jax_calls.has_native_product(2, "bfloat16")
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
    monkeypatch.setattr(xla_handler, "_header", lambda: header)
    xla_handler._version.cache_clear()
    assert_is_off()
    monkeypatch.undo()
    xla_handler._version.cache_clear()
    assert xla_handler.is_known()


def test_not_without_llvmlite(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    this_processor.cache_clear()
    assert_is_off()
    assert "llvmlite" in report()
    monkeypatch.undo()
    this_processor.cache_clear()
    with machine_code():
        assert jax_calls.has_native_product(2, "bfloat16")
