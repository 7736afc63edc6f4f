"""Attention of many queries on TensorFlow, with its gradient written out.

It passes over the weights, [batch, heads, queries, keys], less often than the plain form: a mask is
added and not chosen by, and the gradient's means come from the narrow outputs.
"""

from functools import partial
from typing import Any

import tensorflow as tf

from hornbook.layers.attention_parts import CAUSAL_QUERIES, attend_in_parts
from hornbook.layers.dropout import Dropout
from hornbook.layers.kv_cache import is_xla_on_the_cpu
from hornbook.layers.tensorflow_fusion import fused

NARROW = 32
"""Narrower heads run in parts of half as many: their products cost less than the scores."""


def tensorflow_attention(
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    scale: float,
    bias: Any = None,
    is_causal: bool = False,
    dropout: Dropout | None = None,
) -> Any:
    """See `dot_product_attention`; query, key and value have one dtype."""
    attend = partial(_attend_part, scale=scale, dropout=dropout)
    if not (is_causal and is_xla_on_the_cpu() and _are_known(query, key, mask, bias)):
        return attend(query, key, value, mask, bias)
    at_once = CAUSAL_QUERIES // (2 if query.shape[3] < NARROW else 1)
    parts = query.shape[1] // at_once
    return attend_in_parts(
        attend, _first, query, key, value, mask, bias, parts=parts, is_causal=True
    )


def _are_known(query: Any, key: Any, *scores: Any) -> bool:
    """Whether the numbers of queries and keys are, before the graph runs."""
    lengths = [query.shape[1], key.shape[2]]
    for each in scores:
        lengths += [] if each is None else each.shape[2:]
    return None not in lengths


def _first(tensor: Any, number: int) -> Any:
    """The first keys or values [batch, kv_heads, number, width].

    TensorFlow's own gradient of a slice takes one core.
    """

    @tf.custom_gradient
    def cut(tensor: Any) -> Any:
        rest = tensor.shape[2] - number
        return tensor[:, :, :number], lambda ours: tf.pad(ours, [(0, 0)] * 2 + [(0, rest), (0, 0)])

    return cut(tensor)


def _attend_part(
    query: Any, key: Any, value: Any, mask: Any, bias: Any, scale: float, dropout: Dropout | None
) -> Any:
    """The same without the parts."""
    batch, length = tf.shape(query)[0], tf.shape(query)[1]
    heads, head_dim = query.shape[2:]
    kv_heads = key.shape[1]
    group = heads // kv_heads
    query = tf.reshape(query, (batch, length, kv_heads, group, head_dim))
    query = tf.transpose(query, (0, 2, 3, 1, 4))
    query = tf.reshape(query, (batch, kv_heads, group * length, head_dim))
    if mask is not None:
        # Finite, so that a row that may look nowhere gives no NaN. Adding is faster than choosing.
        mask = _for_scores(tf.where(mask, 0.0, -1e30), batch, 1, length, key)
        mask = tf.tile(mask, (1, 1, group, 1))
    if bias is not None:
        bias = tf.cast(bias, tf.float32)
        rows = batch if kv_heads == 1 else tf.shape(bias)[0]
        bias = _for_scores(bias, rows, heads, length, key)
        bias = tf.reshape(bias, (rows, kv_heads, group * length, tf.shape(key)[2]))
    outputs = _attend(query, key, value, mask, bias, scale, dropout)
    outputs = tf.reshape(outputs, (batch, kv_heads, group, length, value.shape[-1]))
    outputs = tf.transpose(outputs, (0, 3, 1, 2, 4))
    return tf.reshape(outputs, (batch, length, heads * value.shape[-1]))


def _for_scores(addend: Any, rows: Any, heads: int, length: Any, key: Any) -> Any:
    """What is added to scores, [rows, heads, queries, keys].

    Where all heads have the same, TensorFlow adds it as a part of the product, and takes several
    hundred times as long for it if all rows have the same too: [1, 1, queries, keys].
    """
    return tf.broadcast_to(addend, (rows, heads, length, tf.shape(key)[2]))


def _attend(
    query: Any, key: Any, value: Any, mask: Any, bias: Any, scale: float, dropout: Dropout | None
) -> Any:
    """Queries are [batch, kv_heads, queries, head_dim], a mask is [batch, 1, queries, keys].

    A bias is [batch or 1, kv_heads, queries, keys].
    """
    factor = 1.0 if dropout is None else 1 / (1 - dropout.rate)

    @tf.custom_gradient
    def attend(query: Any, key: Any, value: Any, *bias: Any) -> Any:
        weights = tf.nn.softmax(_scores(query, key, mask, *bias, scale=scale))
        weights = tf.cast(weights, value.dtype)
        dropped = () if dropout is None else (dropout(weights, training=True),)
        outputs = tf.matmul(*(dropped or (weights,)), value)

        def backward(gradient: Any) -> tuple[Any, ...]:
            scaled = gradient * tf.cast(scale, gradient.dtype)
            mean = tf.reduce_sum(tf.cast(scaled * outputs, tf.float32), -1, keepdims=True)
            changes = tf.matmul(scaled, value, transpose_b=True)
            changes = _changes(weights, changes, mean, tf.constant(factor), *dropped)
            bias_gradients = [_summed(changes, tf.shape(addend)) / scale for addend in bias]
            changes = tf.cast(changes, value.dtype)
            return (
                tf.matmul(changes, key),
                tf.matmul(changes, query, transpose_a=True),
                tf.matmul(*(dropped or (weights,)), gradient, transpose_a=True),
                *bias_gradients,
            )

        return outputs, backward

    return attend(query, key, value, *(() if bias is None else (bias,)))


@fused
def _changes(weights: Any, gradient: Any, mean: Any, factor: Any, *dropped: Any) -> Any:
    """The products' gradient, of the weights' and its mean, in float32.

    Where weights are dropped, the others' gradient is multiplied by `factor`.
    """
    gradient = tf.cast(gradient, tf.float32)
    for zeros in dropped:
        gradient = tf.where(zeros == 0, 0.0, gradient * factor)
    return tf.cast(weights, tf.float32) * (gradient - mean)


def _scores(query: Any, key: Any, mask: Any, *bias: Any, scale: float) -> Any:
    """In float32. With a mask they are one call of oneDNN, which multiplies and adds by the way.

    It takes a scale behind the product alone: where the query is what is multiplied, TensorFlow
    2.21 computes wrong numbers for some queries (docs/decisions/tensorflow_cpu.md).
    """
    factor = tf.cast(scale, query.dtype)
    if mask is None and not bias:
        return tf.cast(tf.matmul(query * factor, key, transpose_b=True), tf.float32)
    scores = tf.matmul(query, key, transpose_b=True) * factor
    if query.dtype == tf.float16:  # which has no number as small as the mask's
        scores = tf.cast(scores, tf.float32)
    if mask is not None:
        scores = scores + tf.cast(mask, scores.dtype)
    scores = tf.cast(scores, tf.float32)
    for addend in bias:
        scores = scores + addend
    return scores


def _summed(changes: Any, shape: Any) -> Any:
    """The products' gradient, summed over rows that had the same bias."""
    _, axes = tf.raw_ops.BroadcastGradientArgs(s0=tf.shape(changes), s1=shape)
    return tf.reshape(tf.reduce_sum(changes, axes), shape)
