"""The backends' own forms of attention beside the plain one, with their gradients."""

from functools import partial
from importlib import import_module

import keras
import numpy as np
import pytest
from keras import ops

from hornbook.layers.dot_product_attention import (
    dot_product_attention,
    dot_product_attention_reference,
)
from hornbook.layers.dropout import Dropout
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


BIASES = {
    "of everything": (BATCH, HEADS, QUERIES, KEYS),
    "of heads and keys": (1, HEADS, 1, KEYS),
    "of rows and keys": (BATCH, 1, 1, KEYS),
    "of queries and keys": (1, HEADS, QUERIES, KEYS),
}


def traced(function):
    """The function in a graph of TensorFlow's; as it is on other backends."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, autograph=False)


def results(form, arrays, mask, dtype):
    """The outputs, and the gradients of their sum by random weights; a fourth array is the bias."""
    weights = np.random.default_rng(1).normal(size=(BATCH, QUERIES, HEADS * 7))
    mask = None if mask is None else ops.convert_to_tensor(mask)

    def outputs(*arrays):
        tensors = [ops.cast(ops.convert_to_tensor(x), dtype) for x in arrays[:3]]
        bias = ops.convert_to_tensor(arrays[3]) if len(arrays) > 3 else None
        return ops.cast(form(*tensors, mask, scale=0.3, bias=bias), "float32")

    def total(*arrays):
        return ops.sum(outputs(*arrays) * ops.cast(weights, "float32"))

    return ops.convert_to_numpy(traced(outputs)(*arrays)), *value_and_gradients(total, *arrays)[1]


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


@pytest.mark.parametrize("kv_heads", [2, 6])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.06)])
def test_a_bias_and_its_gradient_are_the_plain_form_s(kv_heads, mask, bias, dtype, tolerance):
    # With something far off, as distances have it: a narrow type's steps there are wide.
    shape = np.array(BIASES[bias])
    added = np.random.default_rng(3).normal(size=shape) + 1000
    arrays = [*factors(kv_heads), added.astype("f4")]
    expected = results(dot_product_attention_reference, arrays, MASKS[mask], "float32")
    found = results(dot_product_attention, arrays, MASKS[mask], dtype)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=tolerance * max(abs(theirs).max(), 1e-3))


def own_form():
    return import_module(f"hornbook.layers.{keras.backend.backend()}_attention")


@pytest.mark.backends("jax", "torch")
@pytest.mark.parametrize("kv_heads", [2, 6])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("bias", [None, *BIASES])
@pytest.mark.parametrize("parts", [1, 2, QUERIES])
def test_queries_in_parts(kv_heads, mask, bias, parts, monkeypatch):
    from hornbook.layers import attention_parts

    arrays = factors(kv_heads)
    if bias is not None:
        arrays.append(np.random.default_rng(3).normal(size=BIASES[bias]).astype("f4"))
    expected = results(dot_product_attention_reference, arrays, MASKS[mask], "float32")
    monkeypatch.setattr(own_form(), "SCORE_BYTES", 1)
    monkeypatch.setattr(own_form(), "_is_slow", lambda *_: True, raising=False)
    monkeypatch.setattr(attention_parts, "MOST_PARTS", parts)
    found = results(dot_product_attention, arrays, MASKS[mask], "float32")
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * max(abs(theirs).max(), 1e-3))


@pytest.mark.parametrize("kv_heads", [2, 6])
@pytest.mark.parametrize("rows", [1, BATCH])
@pytest.mark.parametrize("bias", [None, "of everything", "of heads and keys"])
@pytest.mark.parametrize("queries_of_a_part", [1, 2])
def test_causal_queries_in_parts(kv_heads, rows, bias, queries_of_a_part, monkeypatch):
    """Keys that no query of a part may see are left out."""
    arrays = factors(kv_heads)
    if bias is not None:
        arrays.append(np.random.default_rng(3).normal(size=BIASES[bias]).astype("f4"))
    real = np.random.default_rng(4).random((rows, 1, 1, KEYS)) < 0.7
    real[..., 0] = True
    mask = real & (np.arange(KEYS) <= np.arange(QUERIES)[:, None])
    expected = results(dot_product_attention_reference, arrays, mask, "float32")
    monkeypatch.setattr(own_form(), "CAUSAL_QUERIES", queries_of_a_part)
    monkeypatch.setattr(own_form(), "NARROW", 0, raising=False)
    found = results(partial(dot_product_attention, is_causal=True), arrays, mask, "float32")
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * max(abs(theirs).max(), 1e-3))


@pytest.mark.backends("tensorflow")
@pytest.mark.parametrize("kv_heads", [1, 2, 6])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("bias", [None, *BIASES])
def test_in_a_graph(kv_heads, mask, bias):
    """TensorFlow makes one call of several there, and takes parts of a tensor without a copy."""
    import tensorflow as tf

    arrays = factors(kv_heads)
    if bias is not None:
        arrays.append(np.random.default_rng(3).normal(size=BIASES[bias]).astype("f4"))
    expected = results(dot_product_attention_reference, arrays, MASKS[mask], "float32")
    weights = np.random.default_rng(1).normal(size=(BATCH, QUERIES, HEADS * 7)).astype("f4")
    masks = None if mask == "none" else np.broadcast_to(MASKS[mask], (BATCH, 1, QUERIES, KEYS))

    def row(operands, at, mask):
        parts = [tf.split(operand, BATCH)[at] for operand in operands[:3]]
        bias = operands[3][min(at, operands[3].shape[0] - 1)][None] if len(operands) > 3 else None
        seen = None if mask is None else mask[at : at + 1]
        return dot_product_attention(*parts, seen, scale=0.3, bias=bias)

    @tf.function(jit_compile=False)
    def both_ways(*operands):
        with tf.GradientTape() as tape:
            tape.watch(operands)
            bias = operands[3] if len(operands) > 3 else None
            outputs = dot_product_attention(*operands[:3], MASKS[mask], scale=0.3, bias=bias)
            total = tf.reduce_sum(outputs * weights)
        by_row = tf.concat([row(operands, at, masks) for at in range(BATCH)], 0)
        return outputs, by_row, *tape.gradient(total, operands)

    outputs, by_row, *gradients = both_ways(*map(tf.constant, arrays))
    for ours, theirs in zip((by_row, outputs, *gradients), (expected[0], *expected), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * max(abs(theirs).max(), 1e-3))


@pytest.mark.backends("tensorflow")
@pytest.mark.parametrize("mask", sorted(set(MASKS) - {"none"}))
def test_a_mask_is_one_of_all_rows(mask, monkeypatch):
    """One that all rows share takes TensorFlow several hundred times as long."""
    shapes = []
    scores = own_form()._scores

    def watched(query, key, mask, **options):
        shapes.append(mask.shape)
        return scores(query, key, mask, **options)

    monkeypatch.setattr(own_form(), "_scores", watched)
    results(dot_product_attention, factors(6), MASKS[mask], "float32")
    assert set(map(tuple, shapes)) == {(BATCH, 1, QUERIES, KEYS)}


@pytest.mark.parametrize("kv_heads", [1, 2, 6])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("bias", [None, *BIASES])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.06)])
def test_a_single_query(kv_heads, mask, bias, dtype, tolerance):
    query, *others = factors(kv_heads)
    arrays = [query[:, :1], *others]
    if bias is not None:
        shape = np.minimum(BIASES[bias], (BATCH, HEADS, 1, KEYS))
        arrays.append(np.random.default_rng(3).normal(size=shape).astype("f4"))
    mask = None if MASKS[mask] is None else MASKS[mask][:, :, :1]

    def outputs(form, dtype):
        tensors = [ops.cast(ops.convert_to_tensor(x), dtype) for x in arrays[:3]]
        added = ops.convert_to_tensor(arrays[3]) if bias is not None else None
        seen = None if mask is None else ops.convert_to_tensor(mask)
        return ops.convert_to_numpy(
            ops.cast(form(*tensors, seen, scale=0.3, bias=added), "float32")
        )

    expected = outputs(dot_product_attention_reference, "float32")
    found = outputs(dot_product_attention, dtype)
    assert found.shape == (BATCH, 1, HEADS * 7)
    np.testing.assert_allclose(found, expected, atol=tolerance * abs(expected).max())


class SameEachTime(Dropout):
    """One whose draws are all alike."""

    def next_seed(self):
        return ops.convert_to_tensor([3, 4], "int64" if is_torch() else "uint32")


def is_torch():
    return keras.backend.backend() == "torch"


def kept_weights(mask, kv_heads, is_causal):
    """Which weights aren't dropped [batch, heads, queries, keys], as unit values show them."""
    query, key, _ = factors(kv_heads)
    value = np.broadcast_to(np.eye(KEYS, dtype="f4"), (BATCH, kv_heads, KEYS, KEYS))
    dropout = SameEachTime(0.4, seed=1)
    attend = partial(dot_product_attention, scale=0.3, dropout=dropout, is_causal=is_causal)
    outputs = traced(attend)(*map(ops.convert_to_tensor, (query, key, value.copy(), mask)))
    outputs = ops.convert_to_numpy(outputs).reshape(BATCH, QUERIES, HEADS, KEYS)
    return outputs.transpose(0, 2, 1, 3) > 0


@pytest.mark.parametrize("kv_heads", [1, 2, 6])
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("bias", [None, "of everything", "of heads and keys"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.06)])
def test_weights_are_dropped(kv_heads, is_causal, bias, dtype, tolerance, monkeypatch):
    """Forward and backward the same ones."""
    monkeypatch.setattr(own_form(), "CAUSAL_QUERIES", 2)
    mask = MASKS["of rows"]
    if is_causal:
        mask = mask & (np.arange(KEYS) <= np.arange(QUERIES)[:, None])
    mask = np.broadcast_to(mask, (BATCH, 1, QUERIES, KEYS))
    arrays = factors(kv_heads)
    if bias is not None:
        arrays.append(np.random.default_rng(3).normal(size=BIASES[bias]).astype("f4"))
    kept = kept_weights(mask, kv_heads, is_causal)
    seen = np.broadcast_to(mask, kept.shape)
    assert 0.4 < kept[seen].mean() < 0.8
    assert not kept[~seen].any()
    by_group = kept.reshape(BATCH, kv_heads, -1, QUERIES, KEYS)

    def drop(weights):
        return ops.where(ops.convert_to_tensor(by_group), weights / 0.6, 0)

    dropping = {"dropout": SameEachTime(0.4, seed=1, dtype=dtype), "is_causal": is_causal}
    expected = results(
        partial(dot_product_attention_reference, dropout=drop), arrays, mask, "float32"
    )
    found = results(partial(dot_product_attention, **dropping), arrays, mask, dtype)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=tolerance * max(abs(theirs).max(), 1e-3))


@pytest.mark.parametrize("queries", [1, QUERIES])
def test_a_bias_of_which_nobody_asks_the_gradient(queries):
    mask, bias = MASKS["of rows"], np.arange(KEYS) * np.ones((1, HEADS, 1, 1), "f4")

    def biased(form):
        def call(query, *others, **options):
            return form(query[:, :queries], *others, bias=ops.convert_to_tensor(bias), **options)

        return call

    def results_of(form):
        weights = np.random.default_rng(1).normal(size=(BATCH, queries, HEADS * 7))

        def total(*arrays):
            outputs = biased(form)(*arrays, ops.convert_to_tensor(mask), scale=0.3)
            return ops.sum(outputs * ops.cast(weights, "float32"))

        return value_and_gradients(total, *factors(2))[1]

    for ours, theirs in zip(
        results_of(dot_product_attention), results_of(dot_product_attention_reference), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * abs(theirs).max())


def test_gradients_of_a_row_that_sees_nothing_are_finite():
    mask = np.ones((BATCH, 1, QUERIES, KEYS), bool)
    mask[0, 0, 1] = False
    for result in results(dot_product_attention, factors(2), mask, "float32"):
        assert np.isfinite(result).all()


def test_dtype_is_the_query_s():
    tensors = [ops.cast(x, "bfloat16") for x in factors(2)]
    outputs = dot_product_attention(*tensors, scale=0.3)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
