"""Dropout on JAX by random words that are computed where they are used."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from hornbook.layers.threefry import least_word, threefry


def jax_dropout(inputs: Any, seed: Any, rate: float) -> Any:
    """Zeros and the other numbers, divided by `1 - rate`, in the dtype of the inputs."""
    return jnp.where(kept(inputs.shape, seed, rate), inputs / (1 - rate), 0).astype(inputs.dtype)


def kept(shape: tuple[int, ...], seed: Any, rate: float) -> Any:
    """Bool of a shape, false with probability `rate`; the same for the same seed, uint32 [2]."""
    columns, stride = jnp.zeros(shape, jnp.uint32), 1
    for axis in range(len(shape) - 1, 0, -1):
        columns += lax.broadcasted_iota(jnp.uint32, shape, axis) * jnp.uint32(stride)
        stride *= shape[axis]
    rows = lax.broadcasted_iota(jnp.uint32, shape, 0) if shape else columns
    words, _ = threefry((seed[0], seed[1]), (columns, rows), _rotate, jnp.uint32)
    return words >= jnp.uint32(least_word(rate))


def _rotate(words: Any, by: int) -> Any:
    return (words << jnp.uint32(by)) | (words >> jnp.uint32(32 - by))
