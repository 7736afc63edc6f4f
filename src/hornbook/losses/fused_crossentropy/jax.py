"""JAX: a scan over pieces of the sequence, so that rows may lie on several devices."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from hornbook.layers.jax_product import product

Factors = tuple[Any, Any, Any]
"""Hidden states, kernel and bias, which may be None; or their gradients."""


def fused(
    hidden: Any, kernel: Any, bias: Any, labels: Any, weights: Any, piece_tokens: int
) -> tuple[Any, Any]:
    """See `fused_crossentropy`."""
    batch, length = labels.shape
    width = piece_width(batch, length, piece_tokens)
    total, losses = _summed((hidden, kernel, bias), labels, weights, width)
    return total, jax.lax.stop_gradient(losses)


def piece_width(batch: int, length: int, piece_tokens: int) -> int:
    """How many positions a piece has, so that pieces are about equally wide.

    Example:
        >>> piece_width(32, 128, 512), piece_width(3, 50, 60)
        (16, 17)
    """
    number = min(-(-batch * length // piece_tokens), length)
    return -(-length // number)


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _summed(factors: Factors, labels: Any, weights: Any, width: int) -> tuple[Any, Any]:
    hidden, kernel, bias = factors

    def piece(_: Any, parts: Any) -> tuple[Any, Any]:
        return None, _losses(parts[0], kernel, bias, parts[1])[0]

    losses = jax.lax.scan(piece, None, (_cut(hidden, width), _cut(labels, width)))[1]
    losses = _join(losses, labels.shape)
    return jnp.sum(losses * weights), losses


def _forward(
    factors: Factors, labels: Any, weights: Any, width: int
) -> tuple[tuple[Any, Any], Factors]:
    hidden, kernel, bias = factors
    tokens = jnp.arange(kernel.shape[0])

    def piece(sums: tuple[Any, Any], parts: Any) -> tuple[Any, Any]:
        states, labels, weights = parts
        losses, logits, lse = _losses(states, kernel, bias, labels)
        gradient = (jnp.exp(logits - lse) - (tokens == labels[:, None])) * weights[:, None]
        bias_gradient = None if bias is None else sums[1] + jnp.sum(gradient, axis=0)
        gradient = gradient.astype(states.dtype)
        kernel_gradient = sums[0] + product(gradient, states, 0, 0)
        hidden_gradient = product(gradient, kernel, 1, 0).astype(states.dtype)
        return (kernel_gradient, bias_gradient), (losses, hidden_gradient)

    start = tuple(None if x is None else jnp.zeros(x.shape, jnp.float32) for x in (kernel, bias))
    parts = (_cut(hidden, width), _cut(labels, width), _cut(weights, width))
    sums, (losses, hidden_gradient) = jax.lax.scan(piece, start, parts)
    losses = _join(losses, labels.shape)
    gradients = jax.tree.map(
        lambda gradient, factor: gradient.astype(factor.dtype),
        (_join(hidden_gradient, labels.shape), *sums),
        factors,
    )
    return (jnp.sum(losses * weights), losses), gradients


def _backward(width: int, gradients: Factors, upstream: tuple[Any, Any]) -> tuple[Any, ...]:
    scaled = jax.tree.map(lambda gradient: gradient * upstream[0].astype(gradient.dtype), gradients)
    return scaled, None, None


_summed.defvjp(_forward, _backward)


def _losses(hidden: Any, kernel: Any, bias: Any, labels: Any) -> tuple[Any, Any, Any]:
    """Losses [tokens], logits [tokens, vocabulary] and their log-sum-exp [tokens, 1]."""
    logits = product(hidden, kernel, 1, 1)
    if bias is not None:
        logits = logits + bias.astype(jnp.float32)
    lse = jax.nn.logsumexp(logits, axis=-1, keepdims=True)
    picked = jnp.take_along_axis(logits, labels[:, None], axis=-1)
    return (lse - picked)[:, 0], logits, lse


def _cut(x: Any, width: int) -> Any:
    """[batch, length, ...] to [pieces, batch * width, ...]; the last piece is filled up."""
    batch, length, *rest = x.shape
    x = jnp.pad(x, [(0, 0), (0, -length % width), *[(0, 0)] * len(rest)])
    x = x.reshape(batch, -1, width, *rest).swapaxes(0, 1)
    return x.reshape(-1, batch * width, *rest)


def _join(x: Any, shape: tuple[int, int]) -> Any:
    """The way back, to `shape` = [batch, length]."""
    batch, length = shape
    pieces, _, *rest = x.shape
    x = x.reshape(pieces, batch, -1, *rest).swapaxes(0, 1)
    return x.reshape(batch, -1, *rest)[:, :length]
