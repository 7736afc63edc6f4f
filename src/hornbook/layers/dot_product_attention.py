"""Scaled dot-product attention over grouped heads, without ever repeating keys or values."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops

from hornbook.layers.activation import softcapped
from hornbook.layers.dropout import Dropout
from hornbook.layers.kv_cache import as_numbers
from hornbook.layers.unpadding import UnpaddedRows
from hornbook.native.calls import backend_calls


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    *,
    scale: float,
    bias: Any = None,
    softcap: float | None = None,
    dropout: Callable[[Any], Any] | None = None,
    is_causal: bool = False,
) -> Any:
    """Attends with `query_heads / kv_heads` query heads sharing each key and value head.

    Follows Vaswani et al. (2017) and, for the grouping, Ainslie et al., "GQA" (2023). The softmax
    is computed in float32. A query that may look nowhere gets a finite value without meaning.

    Args:
        query: [batch, queries, query_heads, head_dim].
        key: [batch, kv_heads, keys, head_dim], the layout of the cache, or bits of such numbers.
        value: [batch, kv_heads, keys, value_head_dim].
        mask: bool, broadcastable to [batch, 1, queries, keys]; true where a query may look. Or
            `UnpaddedRows`, whose tokens see those of their own row.
        scale: what the products are multiplied by.
        bias: added to the scaled products: float, broadcastable to [batch, query_heads, queries,
            keys].
        softcap: scores `s` become `softcap * tanh(s / softcap)`.
        dropout: applied to the attention weights.
        is_causal: whether the mask hides every key behind a query's own place, of which then
            nothing need be computed. The mask has to say so all the same.

    Returns:
        [batch, queries, query_heads * value_head_dim].
    """
    if isinstance(mask, UnpaddedRows):
        attend = partial(dot_product_attention, scale=scale, softcap=softcap, dropout=dropout)
        return mask.attend(query, key, value, bias, attend)
    drops = isinstance(dropout, Dropout) and dropout.is_random
    if softcap is None and bias is None and dropout is None:
        calls = backend_calls()
        if calls.has_native_attention(query, key, value, mask):
            return calls.native_attention(query, key, value, mask, scale)
    key, value = as_numbers(key), as_numbers(value)
    if softcap is None and (drops or dropout is None):
        form = _own_form(query, key, value, drops)
        if form is not None:
            return form(query, key, value, mask, scale, bias, is_causal, dropout)
    return dot_product_attention_reference(
        query, key, value, mask, scale=scale, bias=bias, softcap=softcap, dropout=dropout
    )


def _own_form(query: Any, key: Any, value: Any, drops: bool) -> Callable[..., Any] | None:
    """The backend's own form for such operands, if it has one that is faster than the plain one."""
    backend = keras.backend.backend()
    if backend == "torch":
        from hornbook.layers.torch_attention import torch_attention
        from hornbook.layers.torch_dropout import is_computed_on_the_cpu

        return torch_attention if not drops or is_computed_on_the_cpu(query) else None
    # A single query is a token to decode, for which the plain form is as fast.
    if query.shape[1] == 1 or not query.dtype == key.dtype == value.dtype:
        return None
    if backend == "tensorflow":
        from hornbook.layers.tensorflow_attention import tensorflow_attention

        return tensorflow_attention
    import jax

    from hornbook.layers.jax_attention import jax_attention

    return jax_attention if jax.default_backend() == "cpu" else None


def dot_product_attention_reference(
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    *,
    scale: float,
    bias: Any = None,
    softcap: float | None = None,
    dropout: Callable[[Any], Any] | None = None,
) -> Any:
    """The same in `keras.ops`, which the backends' own calls are tested against."""
    batch, length, heads, head_dim = ops.shape(query)
    kv_heads = key.shape[1]
    group = heads // kv_heads
    dtype = query.dtype  # a cache's may be wider
    query = ops.cast(query, key.dtype)
    query = ops.reshape(query, (batch, length, kv_heads, group, head_dim))
    query = ops.transpose(query, (0, 2, 3, 1, 4))
    query = ops.reshape(query, (batch, kv_heads, group * length, head_dim))
    scores = _scores(query, key) * scale
    scores = ops.reshape(scores, (batch, kv_heads, group, length, -1))
    if bias is not None:
        scores = scores + _grouped(ops.cast(bias, scores.dtype), kv_heads, group)
    scores = softcapped(scores, softcap)
    if mask is not None:
        # Finite, so that a row that may look nowhere gives no NaN.
        scores = ops.where(ops.expand_dims(mask, 2), scores, -1e30)
    # A single key has all the weight; Keras warns of a softmax over one.
    weights = ops.ones_like(scores) if scores.shape[-1] == 1 else ops.softmax(scores, axis=-1)
    weights = ops.cast(weights, value.dtype)
    if dropout is not None:
        weights = dropout(weights)
    weights = ops.reshape(weights, (batch, kv_heads, group * length, -1))
    width = value.shape[-1]
    outputs = ops.reshape(ops.matmul(weights, value), (batch, kv_heads, group, length, width))
    outputs = ops.transpose(outputs, (0, 3, 1, 2, 4))
    return ops.cast(ops.reshape(outputs, (batch, length, heads * width)), dtype)


def _grouped(bias: Any, kv_heads: int, group: int) -> Any:
    """A bias [rows, heads, ...] with its axis of heads in two: [rows, kv_heads, group, ...]."""
    rows, heads, *rest = ops.shape(bias)
    return ops.reshape(bias, (rows, *((1, 1) if heads == 1 else (kv_heads, group)), *rest))


def _scores(query: Any, key: Any) -> Any:
    """The products [..., queries, keys] of [..., queries, head_dim] with [..., keys, head_dim]."""
    if keras.backend.backend() == "jax":
        from jax import lax
        from jax.numpy import float32

        # XLA's CPU backend copies a transposed operand, here the whole cache, for every token.
        axes = (((3,), (3,)), ((0, 1), (0, 1)))
        return lax.dot_general(query, key, axes, preferred_element_type=float32)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.cast(tf.matmul(query, key, transpose_b=True), "float32")
    return ops.cast(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))), "float32")
