"""The machine code as TensorFlow's XLA calls it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from hornbook.generation.drivers.kernel_codes import kernel_codes  # noqa: E402
from hornbook.layers.dot_product_attention import dot_product_attention_reference  # noqa: E402
from hornbook.layers.kv_cache import write_kv_reference  # noqa: E402
from hornbook.layers.norm import layer_norm_reference, rms_norm_reference  # noqa: E402
from hornbook.native import tensorflow_framework, xla_calls  # noqa: E402
from hornbook.native.processor import this_processor  # noqa: E402
from hornbook.native.scope import machine_code  # noqa: E402

pytestmark = [
    pytest.mark.backends("tensorflow"),
    pytest.mark.skipif(this_processor() is None, reason="no machine code for this processor"),
]
RNG = np.random.default_rng(0)


def normal(*shape, dtype="float32"):
    return tf.cast(RNG.normal(size=shape), dtype)


def compiled(function, *arguments):
    return tf.function(lambda *given: function(*given), jit_compile=True)(*arguments)


def numbers(tensor):
    return tf.cast(tensor, tf.float64).numpy()


@pytest.mark.parametrize(("rows", "dtype"), [(1, "float32"), (3, "float32"), (5, "bfloat16")])
def test_product_is_numpys(rows, dtype):
    inputs, kernel = normal(rows, 101, dtype=dtype), normal(67, 101, dtype=dtype)
    made = compiled(xla_calls.native_product, inputs, kernel)
    assert made.dtype == kernel.dtype
    expected = numbers(inputs) @ numbers(kernel).T
    place = {"float32": 1e-5, "bfloat16": 1.01 * 2**-8}[dtype]
    np.testing.assert_allclose(numbers(made), expected, atol=2e-5, rtol=place)


def test_product_with_one_of_several_kernels():
    inputs, kernels = normal(3, 101), normal(4, 67, 101)
    made = compiled(xla_calls.native_product, inputs, kernels, tf.constant(2))
    expected = numbers(inputs) @ numbers(kernels[2]).T
    np.testing.assert_allclose(numbers(made), expected, atol=2e-5)


def test_likeliest_outputs():
    inputs, kernel = normal(2, 101), normal(5000, 101)
    codes = [tf.constant(part) for part in kernel_codes(kernel.numpy())]
    norms = tf.norm(inputs, axis=1)
    bounds = compiled(xla_calls.native_bounds, inputs, *codes, norms)
    exact = numbers(inputs) @ numbers(kernel).T
    assert (numbers(bounds) >= exact).all()
    least = tf.reduce_max(bounds, axis=1) - 2.0
    made = numbers(compiled(xla_calls.native_likeliest, inputs, kernel, bounds, least))
    is_there = numbers(bounds) >= numbers(least)[:, None]
    assert 1 < is_there.sum() < 1000
    expected = np.where(is_there, exact, -np.inf)
    np.testing.assert_allclose(made, expected, atol=2e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_attention_is_its_reference(dtype):
    query, key, value = normal(2, 3, 6, 32), normal(2, 2, 101, 32), normal(2, 2, 101, 16)
    key, value = tf.cast(key, dtype), tf.cast(value, dtype)
    mask = tf.constant(RNG.random((2, 1, 3, 101)) < 0.5)
    made = compiled(lambda *x: xla_calls.native_attention(*x, 0.3), query, key, value, mask)
    key, value = tf.cast(key, "float32"), tf.cast(value, "float32")
    expected = dot_product_attention_reference(query, key, value, mask, scale=0.3)
    np.testing.assert_allclose(numbers(made), numbers(expected), atol=1e-5)


@pytest.mark.parametrize("has_bias", [True, False])
def test_norm_is_its_reference(has_bias):
    inputs, scale, bias = normal(2, 3, 37), normal(37), normal(37) if has_bias else None
    for is_centred in (True, False):
        made = compiled(
            lambda *x, c=is_centred: xla_calls.native_norm(*x, bias, 1e-3, "float32", c),
            inputs, scale,
        )  # fmt: skip
        if is_centred:
            expected = layer_norm_reference(inputs, scale, bias, 1e-3)
        elif has_bias:
            continue
        else:
            expected = rms_norm_reference(inputs, scale, 1e-3, "float32")
        np.testing.assert_allclose(numbers(made), numbers(expected), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_writes_in_a_loop(dtype):
    """Into what the loop carries; what was given to it stays as it was."""
    cache = tf.cast(RNG.integers(0, 999, (3, 2, 7, 5)), dtype)
    new = tf.cast(RNG.integers(0, 999, (4, 3, 2, 1, 5)), dtype)
    kept, slots = cache.numpy(), tf.constant([0, 3, 2])

    def written(cache, new):
        def turn(count, cache):
            return count + 1, xla_calls.native_write(cache, new[count], slots + count)

        return tf.while_loop(lambda count, cache: count < 4, turn, (0, cache))[1]

    made = compiled(written, cache, new)
    expected = cache
    for count in range(4):
        expected = write_kv_reference(expected, new[count], slots + count)
    np.testing.assert_array_equal(made, expected)
    np.testing.assert_array_equal(cache, kept)


def test_threads_share_the_work():
    """In a process of its own, with four threads; those of the tests have one each."""
    program = Path(__file__).with_name("threads.py")
    names = ("NPROC", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, "4"), "XLA_FLAGS": ""}
    subprocess.run([sys.executable, program], check=True, env=environment)


def takes_products():
    with machine_code():
        return xla_calls.has_native_product(2, "bfloat16")


def test_what_is_taken(monkeypatch):
    assert takes_products()
    assert not xla_calls.has_native_product(2, "bfloat16")
    monkeypatch.setattr(tensorflow_framework, "_library", lambda: None)
    assert not takes_products()


def test_not_with_several_devices(monkeypatch):
    devices = tf.config.list_logical_devices()
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda: 2 * devices)
    assert not takes_products()
