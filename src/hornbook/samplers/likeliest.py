"""The likeliest token of a vocabulary, in two passes where one is slow."""

from typing import Any

from keras import ops

from hornbook.layers.kv_cache import is_xla_on_the_cpu


def likeliest(scores: Any) -> Any:
    """The index of the highest score in each row, the first of several.

    XLA's CPU backend looks for it number by number: 0.92 ms for 8 rows of 50,257. The highest score
    and the first place that has it are two sums' worth of work, 0.2 ms.

    Args:
        scores: float [batch, choices]. Of a row with a NaN the index is any.

    Returns:
        int32 [batch].

    Example:
        >>> likeliest(ops.array([[0.1, 0.9, 0.9], [0.5, 0.1, 0.2]])).tolist()
        [1, 0]
    """
    if not is_xla_on_the_cpu():
        return ops.cast(ops.argmax(scores, axis=-1), "int32")
    highest = ops.max(scores, axis=-1, keepdims=True)
    choices = scores.shape[-1]
    places = ops.arange(choices, dtype="int32")
    return ops.min(ops.where(scores == highest, places, choices - 1), axis=-1)
