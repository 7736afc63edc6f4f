"""Attention on torch: its own call, and on the CPU others where that is slow.

What was measured is in docs/decisions/torch_cpu.md.
"""

from functools import partial
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from hornbook.layers.attention_parts import CAUSAL_QUERIES, SCORE_BYTES, attend_in_parts
from hornbook.layers.dropout import Dropout
from hornbook.layers.torch_dropout import is_computed_on_the_cpu, kept

MOST_BYTES = 2**26
"""As much of weights is kept for the backward pass, if torch's own call would need none."""


def torch_attention(
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    scale: float,
    bias: Any = None,
    is_causal: bool = False,
    dropout: Dropout | None = None,
) -> Any:
    """See `dot_product_attention`; weights are dropped on the CPU alone."""
    if not is_computed_on_the_cpu(query):
        return _torchs_own(query, key, value, mask, bias, scale)
    if query.shape[1] == 1 and query.element_size() == 2 and dropout is None:
        return _of_one_query(query, key, value, mask, bias, scale)
    parts = query.shape[1] // CAUSAL_QUERIES if is_causal else 1
    if dropout is not None or _is_slow(query, key, value):
        attend = partial(_written_out, scale=scale, dropout=dropout)
        parts = max(parts, -(-4 * _scores(query, key) // SCORE_BYTES))
    else:
        attend = partial(_torchs_own, scale=scale)
    return attend_in_parts(
        attend, lambda tensor, keys: tensor[:, :, :keys],
        query, key, value, mask, bias, parts=parts, is_causal=is_causal,
    )  # fmt: skip


def _is_slow(query: Any, key: Any, value: Any) -> bool:
    """Whether torch's own call takes longer than the products and the softmax by themselves."""
    operands = (query, key, value)
    if any(each.dtype != torch.bfloat16 for each in operands):
        return False
    needs_gradient = torch.is_grad_enabled() and any(each.requires_grad for each in operands)
    return not needs_gradient or 2 * _scores(query, key) <= MOST_BYTES


def _scores(query: Any, key: Any) -> int:
    batch, length, heads, _ = query.shape
    return batch * length * heads * key.shape[2]


def _torchs_own(query: Any, key: Any, value: Any, mask: Any, bias: Any, scale: float) -> Any:
    """One call that keeps the scores in the processor's cache, or on its chip."""
    batch, length, heads, _ = query.shape
    if bias is not None:
        mask = _with_mask(bias, mask, query.dtype)
    outputs = torch.nn.functional.scaled_dot_product_attention(
        query.transpose(1, 2), key, value, attn_mask=mask, scale=scale,
        enable_gqa=heads != key.shape[1],
    )  # fmt: skip
    return outputs.transpose(1, 2).reshape(batch, length, heads * value.shape[-1])


def _with_mask(bias: Any, mask: Any, dtype: Any) -> Any:
    """A bias and a mask in one, in the dtype of the queries."""
    if mask is not None:
        # Finite, so that a row that may look nowhere gives no NaN.
        bias = torch.where(mask, bias, torch.finfo(bias.dtype).min)
    if bias.dtype != dtype:
        # A narrower type's values are close together near zero alone, and the softmax takes no
        # notice of what all keys of a query have in common.
        bias = (bias - bias.detach().amax(-1, keepdim=True)).clamp(min=torch.finfo(dtype).min)
    return bias.to(dtype)


def _of_one_query(query: Any, key: Any, value: Any, mask: Any, bias: Any, scale: float) -> Any:
    """The plain form, in few calls: a step of generation is made of some 400.

    Torch's own takes up to twelve times as long for one query in half precision.
    """
    batch, _, heads, head_dim = query.shape
    kv_heads = key.shape[1]
    grouped = query.reshape(batch, kv_heads, heads // kv_heads, head_dim)
    scores = grouped.to(key.dtype) @ key.mT
    if bias is not None and bias.shape[1] > 1:  # not the same for all heads
        bias = bias.reshape(len(bias), kv_heads, -1, bias.shape[-1])
    added = bias
    if mask is not None:
        # Finite, so that a row that may look nowhere gives no NaN.
        added = torch.where(mask, 0.0 if bias is None else bias, -1e30)
    if added is None:
        scores = scores.float() * scale
    else:
        scores = torch.add(added.float(), scores, alpha=scale)
    outputs = scores.softmax(-1).to(value.dtype) @ value
    return outputs.to(query.dtype).reshape(batch, 1, heads * value.shape[-1])


def _written_out(
    query: Any, key: Any, value: Any, mask: Any, bias: Any, scale: float, dropout: Dropout | None
) -> Any:
    """Products and a softmax, with their gradient."""
    batch, length, heads, head_dim = query.shape
    kv_heads, keys = key.shape[1:3]
    grouped = (batch, kv_heads, heads // kv_heads * length)
    query = query.transpose(1, 2).reshape(*grouped, head_dim)
    added = bias
    if mask is not None:
        # Finite, so that a row that may look nowhere gives no NaN.
        added = torch.where(mask, 0.0 if bias is None else bias, -1e30)
    if added is not None:
        added = added.float().expand(-1, -1, length, keys)
        if heads != kv_heads:
            added = added.expand(-1, heads, -1, -1)
            added = added.reshape(len(added), *grouped[1:], keys)
    keep, factor = None, 1.0
    if dropout is not None:
        keep, share = kept((*grouped, keys), dropout.generator(), dropout.rate)
        factor = 1 / share
    factors = (query, key, value, added, keep, scale, factor)
    outputs, _ = _Attention.apply(*factors) if torch.is_grad_enabled() else _attend(*factors)
    outputs = outputs.view(batch, heads, length, -1).transpose(1, 2)
    return outputs.reshape(batch, length, -1)


def _attend(
    query: Any, key: Any, value: Any, added: Any, keep: Any, scale: float, factor: float
) -> tuple[Any, Any]:
    """The outputs, and the weights before some are dropped.

    Queries of the heads that share a key and value head stand below each other. `added`,
    broadcastable to the scores, is added to them, and `keep`, of their shape, says which weights
    aren't dropped; or they are None. What isn't dropped is multiplied by `factor`.
    """
    scores = (query @ key.mT).float()
    scores *= scale
    if added is not None:
        scores += added
    weights = scores.softmax(-1).to(value.dtype)
    outputs = _dropped(weights, keep) @ value
    if keep is not None:
        outputs *= factor
    return outputs, weights


class _Attention(torch.autograd.Function):
    """`_attend`, with a gradient that passes over the scores less often than torch's."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*operands: Any) -> tuple[Any, Any]:
        return _attend(*operands)

    @staticmethod
    def setup_context(context: Any, operands: tuple[Any, ...], results: tuple[Any, Any]) -> None:
        query, key, value, added, keep, scale, factor = operands
        outputs, weights = results
        context.mark_non_differentiable(weights)
        context.save_for_backward(query, key, value, weights, keep, outputs)
        context.shape = None if added is None else added.shape
        context.factors = scale, factor

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Any, _: Any) -> tuple[Any, ...]:
        query, key, value, weights, keep, outputs = context.saved_tensors
        scale, factor = context.factors
        mean = (gradient * outputs).sum(-1, keepdim=True, dtype=torch.float32)
        gradient = gradient * factor
        changes = gradient @ value.mT
        if keep is not None:
            changes *= keep
        changes -= mean
        changes *= weights
        needs_added = context.needs_input_grad[3]
        return (
            (changes @ key).mul_(scale),
            (changes.mT @ query).mul_(scale),
            _dropped(weights, keep).mT @ gradient,
            changes.float().sum_to_size(context.shape) if needs_added else None,
            *[None] * 3,
        )


def _dropped(weights: Any, keep: Any) -> Any:
    return weights if keep is None else weights * keep
