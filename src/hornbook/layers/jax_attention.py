"""Attention of many queries on JAX's CPU backend, with a backward pass of its own.

The plain form keeps each layer's attention weights, [batch, heads, queries, keys], for the backward
pass, where XLA multiplies them in orders that its CPU backend computes slowly. This one makes the
weights again (Dao et al., "FlashAttention", 2022): they cost a product, and less than reading them.
What was measured is in docs/decisions/attention_training.md.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from hornbook.layers.attention_parts import CAUSAL_QUERIES, SCORE_BYTES, attend_in_parts
from hornbook.layers.dropout import Dropout
from hornbook.layers.jax_dropout import kept


def jax_attention(
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
    batch, length, heads, _ = query.shape
    whole = 4 * batch * heads * length * key.shape[2]
    attend = partial(_attend_part, scale=scale, dropout=dropout)
    if not isinstance(whole, int):  # a symbol, of which Keras makes shapes
        return attend(query, key, value, mask, bias)
    return attend_in_parts(
        attend,
        lambda tensor, keys: tensor[:, :, :keys],
        query, key, value, mask, bias,
        parts=max(-(-whole // SCORE_BYTES), length // CAUSAL_QUERIES if is_causal else 1),
        is_causal=is_causal,
    )  # fmt: skip


def _attend_part(
    query: Any, key: Any, value: Any, mask: Any, bias: Any, scale: float, dropout: Dropout | None
) -> Any:
    """The same without the parts."""
    batch, length, heads, head_dim = query.shape
    kv_heads = key.shape[1]
    group = heads // kv_heads
    query = query.reshape(batch, length, kv_heads, group, head_dim).transpose(0, 2, 3, 1, 4)
    query = query.reshape(batch, kv_heads, group * length, head_dim)
    if mask is not None:
        # Finite, so that a row that may look nowhere gives no NaN. Adding is faster than choosing.
        mask = jnp.where(mask, jnp.float32(0.0), jnp.float32(-1e30))
        mask = jnp.broadcast_to(mask, (*mask.shape[:2], length, mask.shape[3]))
        mask = jnp.tile(mask, (1, 1, group, 1))
    if bias is not None:
        bias = jnp.asarray(bias, jnp.float32)
        bias = jnp.broadcast_to(bias, (bias.shape[0], heads, *bias.shape[2:]))
        bias = bias.reshape(bias.shape[0], kv_heads, group, *bias.shape[2:])
    seed, rate = (None, 0.0) if dropout is None else (dropout.next_seed(), dropout.rate)
    outputs = _attend(query, key, value, mask, bias, seed, scale, rate)
    outputs = outputs.reshape(batch, kv_heads, group, length, -1).transpose(0, 3, 1, 2, 4)
    return outputs.reshape(batch, length, -1)


@partial(jax.custom_vjp, nondiff_argnums=(6, 7))
def _attend(
    query: Any, key: Any, value: Any, mask: Any, bias: Any, seed: Any, scale: float, rate: float
) -> Any:
    """Queries of the heads that share a key and value head stand below each other.

    Args:
        query: [batch, kv_heads, queries, head_dim].
        key: [batch, kv_heads, keys, head_dim].
        value: [batch, kv_heads, keys, value_head_dim].
        mask: float32, broadcastable to [batch, 1, queries, keys] and added to the scores; or None.
            It gets no gradient.
        bias: float32, [batch or 1, kv_heads, group, queries / group or 1, keys or 1], added to the
            scores, too; or None.
        seed: of the weights that are dropped, uint32 [2]; or None.
        scale: what the products are multiplied by.
        rate: the share of the weights that are dropped.
    """
    return _forward(query, key, value, mask, bias, seed, scale, rate)[0]


def _forward(
    query: Any, key: Any, value: Any, mask: Any, bias: Any, seed: Any, scale: float, rate: float
) -> tuple[Any, Any]:
    # Not the scores: XLA's CPU backend would write out an array of scales as wide as they are.
    query = query * jnp.asarray(scale, query.dtype)
    scores = _scores(query, key, mask, bias)
    highest = jnp.max(scores, -1, keepdims=True)
    weights = jnp.exp(scores - highest)
    total = jnp.sum(weights, -1, keepdims=True)
    # The narrow result is divided, not the wide weights.
    weights = _dropped(weights, seed, rate).astype(value.dtype)
    outputs = _product(weights, value, 3, 2) / (total * (1 - rate))
    outputs = outputs.astype(value.dtype)
    return outputs, (query, key, value, mask, bias, seed, outputs, highest, total)


def _backward(scale: float, rate: float, saved: tuple[Any, ...], gradient: Any) -> tuple[Any, ...]:
    query, key, value, mask, bias, seed, outputs, highest, total = saved
    dtype = value.dtype
    weights = jnp.exp(_scores(query, key, mask, bias) - highest).astype(dtype)
    gradient = gradient.astype(jnp.float32) / total
    mean = jnp.sum(gradient * outputs, -1, keepdims=True)
    gradient = (gradient / (1 - rate)).astype(dtype)
    # Transposed: only in this order is a sum over the rows of both operands fast.
    value_gradient = _product(gradient, _dropped(weights, seed, rate), 2, 2)
    changes = weights * (_dropped(_product(gradient, value, 3, 3), seed, rate) - mean)
    score_gradient = changes.astype(dtype)
    query_gradient = _product(score_gradient, key, 3, 2) * scale
    key_gradient = _product(query, score_gradient, 2, 2)
    return (
        query_gradient.astype(dtype),
        key_gradient.swapaxes(2, 3).astype(dtype),
        value_gradient.swapaxes(2, 3).astype(dtype),
        None,
        # Which the compiler leaves out where nobody asks for it.
        None if bias is None else _summed(changes, bias.shape),
        None,
    )


_attend.defvjp(_forward, _backward)


def _dropped(weights: Any, seed: Any, rate: float) -> Any:
    """The same weights are zero for the same seed: they are cheaper to find again than to keep."""
    return weights if seed is None else jnp.where(kept(weights.shape, seed, rate), weights, 0)


def _scores(query: Any, key: Any, mask: Any, bias: Any) -> Any:
    """float32 [batch, kv_heads, queries, keys]."""
    scores = _product(query, key, 3, 3)
    if bias is not None:
        scores = (_grouped(scores, bias.shape[2]) + bias).reshape(scores.shape)
    return scores if mask is None else scores + mask


def _grouped(scores: Any, group: int) -> Any:
    """[batch, kv_heads, group, queries / group, keys] of [batch, kv_heads, queries, keys]."""
    batch, kv_heads, queries, keys = scores.shape
    return scores.reshape(batch, kv_heads, group, queries // group, keys)


def _summed(changes: Any, shape: tuple[int, ...]) -> Any:
    """The scores' gradient, summed over the axes along which a bias was the same."""
    changes = _grouped(changes.astype(jnp.float32), shape[2])
    axes = tuple(axis for axis in (0, 3, 4) if shape[axis] == 1)
    return jnp.sum(changes, axes, keepdims=True)


def _product(left: Any, right: Any, left_axis: int, right_axis: int) -> Any:
    """The float32 products of each row and head's matrices over the given axes."""
    axes = (((left_axis,), (right_axis,)), ((0, 1), (0, 1)))
    return lax.dot_general(left, right, axes, preferred_element_type=jnp.float32)
