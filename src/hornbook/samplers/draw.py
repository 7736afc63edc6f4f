"""Drawing from weights with one uniform number a row: the inverse of the cumulative sum."""

from typing import Any

import keras
from keras import ops

BLOCK = 256


def draw(weights: Any, uniforms: Any) -> Any:
    """Picks an index with a chance in proportion to its weight; never one whose weight is 0.

    Long rows are summed in blocks, then within the chosen block: a cumulative sum over a whole
    vocabulary is 6 times slower on CPU and loses digits.

    Args:
        weights: float32 [batch, choices], not negative, not all 0, of any sum.
        uniforms: float32 [batch], each in [0, 1).

    Returns:
        int32 [batch].

    Example:
        >>> draw(ops.array([[1.0, 0.0, 3.0]] * 3), ops.array([0.0, 0.2, 0.3])).tolist()
        [0, 0, 2]
    """
    batch, choices = weights.shape
    target = uniforms[:, None] * ops.sum(weights, axis=-1, keepdims=True)
    if choices <= 2 * BLOCK:
        return _locate(weights, target)[0]
    blocks = ops.reshape(ops.pad(weights, [[0, 0], [0, -choices % BLOCK]]), (batch, -1, BLOCK))
    block, rest = _locate(ops.sum(blocks, axis=-1), target)
    place = ops.broadcast_to(block[:, None, None], (batch, 1, BLOCK))
    within, _ = _locate(ops.take_along_axis(blocks, place, axis=1)[:, 0], rest)
    return block * BLOCK + within


def spread(weights: Any, tokens: Any, vocabulary: int) -> Any:
    """Puts the weights [batch, any] of some tokens [batch, any] where they stand among all.

    Example:
        >>> spread(ops.array([[0.5, 0.25]]), ops.array([[3, 1]]), 4).tolist()
        [[0.0, 0.25, 0.0, 0.5]]
    """
    batch, count = tokens.shape
    if keras.backend.backend() == "torch":  # on which Keras scatters number by number
        return weights.new_zeros((batch, vocabulary)).scatter_(1, tokens.long(), weights)
    rows = ops.broadcast_to(ops.arange(batch, dtype="int32")[:, None], (batch, count))
    places = ops.stack([rows, ops.cast(tokens, "int32")], axis=-1)
    flat = ops.reshape(places, (-1, 2)), ops.reshape(weights, (-1,))
    return ops.scatter(*flat, (batch, vocabulary))


def _locate(weights: Any, target: Any) -> tuple[Any, Any]:
    """The first index at which the sum of weights exceeds `target`, and what is left of it."""
    sums = ops.cumsum(weights, axis=-1)
    # Rounding may put the target at the sum of all, or make a parallel sum fall by a digit: the
    # sum itself always counts as reached, and a weight of 0 never does.
    reached = ops.logical_or(sums > target, sums >= ops.max(sums, axis=-1, keepdims=True))
    reached = ops.logical_and(reached, weights > 0)
    index = ops.cast(ops.argmax(ops.cast(reached, "int32"), axis=-1), "int32")
    before = ops.take_along_axis(sums - weights, index[:, None], axis=-1)
    return index, target - before
