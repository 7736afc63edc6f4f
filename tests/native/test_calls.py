"""The machine code against the plain form, on the backends that have it."""

import keras
import numpy as np
import pytest
from keras import ops

from hornbook.generation.drivers.kernel_codes import kernel_codes
from hornbook.layers.dot_product_attention import dot_product_attention_reference

pytestmark = pytest.mark.backends("jax", "torch")
RNG = np.random.default_rng(0)


def normal(*shape, dtype="bfloat16"):
    return ops.cast(RNG.normal(size=shape), dtype)


def numbers(tensor):
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")), "f8")


def assert_is_product(made, inputs, kernel, bias=0.0):
    """It is added up in float32, and rounded once: half a place of bfloat16 at most."""
    expected = numbers(inputs) @ numbers(kernel).T + bias
    dtype = keras.backend.standardize_dtype(made.dtype)
    assert dtype == keras.backend.standardize_dtype(kernel.dtype)
    place = {"float32": 1e-5, "bfloat16": 2**-8}[dtype]
    np.testing.assert_allclose(numbers(made), expected, atol=2e-5, rtol=1.01 * place)


def test_nothing_to_do(calls):
    assert calls.native_product(normal(2, 8), normal(0, 8)).shape == (2, 0)


# Widths of whole steps, of less than one, and in between; units that no block divides; kernels that
# one thread reads, and some that all do.
@pytest.mark.parametrize(("width", "units"), [(160, 40), (37, 5), (5, 1), (101, 67), (301, 441)])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 12, 31])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_product_is_numpys(calls, rows, width, units, dtype):
    inputs, kernel = (normal(*shape, dtype=dtype) for shape in ((rows, width), (units, width)))
    assert_is_product(calls.native_product(inputs, kernel), inputs, kernel)


def of_likeliest(rows, width, units, dtype="float32"):
    """Inputs, a kernel and its codes."""
    inputs, kernel = (normal(*shape, dtype=dtype) for shape in ((rows, width), (units, width)))
    codes = kernel_codes(numbers(kernel).astype("float32"))
    return inputs, kernel, [ops.convert_to_tensor(part) for part in codes]


@pytest.mark.parametrize(("width", "units"), [(160, 40), (37, 5), (5, 1), (768, 441)])
@pytest.mark.parametrize("rows", [1, 2, 8])
def test_bounds_are_above_and_close(calls, rows, width, units):
    inputs, kernel, codes = of_likeliest(rows, width, units)
    norms = np.linalg.norm(numbers(inputs), axis=1)
    made = calls.native_bounds(inputs, *codes, ops.cast(norms, "float32"))
    above = numbers(made) - numbers(inputs) @ numbers(kernel).T
    off = numbers(codes[2]) * norms[:, None]
    assert (above >= 0).all()
    assert (above <= 2 * off).all()
    assert (off < 0.015 * norms[:, None] * np.linalg.norm(numbers(kernel), axis=1)).all()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("width", "units"), [(160, 40), (37, 5), (5, 1), (64, 90001)])
@pytest.mark.parametrize("rows", [1, 3])
def test_outputs_whose_bounds_reach_the_least_are_a_single_rows(calls, rows, width, units, dtype):
    inputs, kernel, _ = of_likeliest(rows, width, units, dtype)
    bounds = RNG.random((rows, units)).astype("float32")
    least = np.array([0.9, 1.1, 0.0][:rows], "float32")  # some of them, none and all
    made = calls.native_likeliest(inputs, kernel, *map(ops.convert_to_tensor, (bounds, least)))
    for row in range(rows):
        alone = numbers(calls.native_product(inputs[row : row + 1], kernel))[0]
        expected = np.where(bounds[row] >= least[row], alone, -np.inf)
        np.testing.assert_array_equal(numbers(made)[row], expected)


@pytest.mark.parametrize("masks", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("batch", "length", "heads", "kv_heads", "slots", "dim", "value_dim"),
    [
        (3, 1, 4, 4, 128, 32, 32),
        (2, 3, 6, 2, 101, 64, 16),
        (1, 2, 5, 1, 16, 16, 48),
        (3, 1, 8, 8, 160, 64, 64),
    ],
)
def test_attention_is_its_reference(
    calls, batch, length, heads, kv_heads, slots, dim, value_dim, dtype, masks
):
    query = 2 * normal(batch, length, heads, dim, dtype="float32")
    key = normal(batch, kv_heads, slots, dim, dtype=dtype)
    value = normal(batch, kv_heads, slots, value_dim, dtype=dtype)
    mask = RNG.random((batch if masks[0] else 1, 1, length if masks[1] else 1, slots)) < 0.5
    mask[..., slots // 2 :] = False  # blocks that nobody looks at
    mask[..., 3] = True
    mask = ops.convert_to_tensor(mask)
    made = calls.native_attention(query, key, value, mask, 0.3)
    expected = dot_product_attention_reference(
        query, ops.cast(key, "float32"), ops.cast(value, "float32"), mask, scale=0.3
    )
    np.testing.assert_allclose(numbers(made), numbers(expected), atol=1e-5)


def test_who_may_look_nowhere_gets_zeros(calls):
    cache = ops.ones((1, 1, 64, 16))
    mask = np.zeros((1, 1, 2, 64), bool)
    mask[0, 0, 1, 5] = True
    mask = ops.convert_to_tensor(mask)
    made = calls.native_attention(ops.ones((1, 2, 1, 16)), cache, cache, mask, 1.0)
    np.testing.assert_array_equal(numbers(made), [[[0.0] * 16, [1.0] * 16]])


def test_scores_far_apart(calls):
    """The highest score so far only ever rises; weights below it may vanish, and none overflows."""
    key = ops.cast(np.linspace(-300, 300, 128)[None, None, :, None] * np.ones(16), "float32")
    value = normal(1, 1, 128, 16, dtype="float32")
    for sign in (1.0, -1.0):
        query = sign * ops.ones((1, 1, 1, 16))
        mask = ops.ones((1, 1, 1, 128), "bool")
        made = calls.native_attention(query, key, value, mask, 1.0)
        best = numbers(value)[0, 0, -1 if sign > 0 else 0]
        np.testing.assert_allclose(numbers(made)[0, 0], best, atol=1e-6)


def test_widths_that_differ(calls):
    with pytest.raises(ValueError, match="last dimensions"):
        calls.native_product(normal(2, 8), normal(4, 9))
    _, kernel, codes = of_likeliest(2, 8, 4)
    norms = ops.ones(2)
    with pytest.raises(ValueError, match="last dimensions"):
        calls.native_bounds(normal(2, 9, dtype="float32"), *codes, norms)
    with pytest.raises(ValueError, match="last dimensions"):
        calls.native_likeliest(normal(2, 9, dtype="float32"), kernel, ops.ones((2, 4)), norms)
