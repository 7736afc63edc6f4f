"""The backends' own forms of attention beside the plain one, with their gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from hornbook.layers.dot_product_attention import (
    dot_product_attention,
    dot_product_attention_reference,
)
from losses.gradients import value_and_gradients

BATCH, QUERIES, KEYS, HEADS = 2, 3, 5, 6


def some_mask(*shape):
    mask = np.random.default_rng(2).random(shape) < 0.5
    mask[..., 0] = True
    return mask


MASKS = {
    "none": None,
    "of rows and queries": some_mask(BATCH, 1, QUERIES, KEYS),
    "of queries": some_mask(1, 1, QUERIES, KEYS),
    "of rows": some_mask(BATCH, 1, 1, KEYS),
}


def factors(kv_heads):
    shapes = (BATCH, QUERIES, HEADS, 4), (BATCH, kv_heads, KEYS, 4), (BATCH, kv_heads, KEYS, 7)
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype("f4") for shape in shapes]


def results(form, arrays, mask, dtype):
    """The outputs, and the gradients of their sum by random weights."""
    weights = np.random.default_rng(1).normal(size=(BATCH, QUERIES, HEADS * 7))
    mask = None if mask is None else ops.convert_to_tensor(mask)

    def outputs(*arrays):
        tensors = [ops.cast(ops.convert_to_tensor(x), dtype) for x in arrays]
        return ops.cast(form(*tensors, mask, scale=0.3), "float32")

    def total(*arrays):
        return ops.sum(outputs(*arrays) * ops.cast(weights, "float32"))

    return ops.convert_to_numpy(outputs(*arrays)), *value_and_gradients(total, *arrays)[1]


@pytest.mark.parametrize("kv_heads", [1, 2, 6])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.04)])
def test_values_and_gradients_are_the_plain_form_s(kv_heads, mask, dtype, tolerance):
    arrays = factors(kv_heads)
    expected = results(dot_product_attention_reference, arrays, MASKS[mask], "float32")
    for ours, theirs in zip(
        results(dot_product_attention, arrays, MASKS[mask], dtype), expected, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=tolerance * abs(theirs).max())


def test_gradients_of_a_row_that_sees_nothing_are_finite():
    mask = np.ones((BATCH, 1, QUERIES, KEYS), bool)
    mask[0, 0, 1] = False
    for result in results(dot_product_attention, factors(2), mask, "float32"):
        assert np.isfinite(result).all()


def test_dtype_is_the_query_s():
    tensors = [ops.cast(x, "bfloat16") for x in factors(2)]
    outputs = dot_product_attention(*tensors, scale=0.3)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
