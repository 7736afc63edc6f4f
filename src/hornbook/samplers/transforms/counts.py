"""How often each token stands in the rows so far."""

from typing import Any

from keras import ops

from hornbook.samplers.rows import Rows


def token_counts(rows: Rows, vocabulary: int, with_prompt: bool = True) -> Any:
    """Counts the tokens so far, with or without the prompt: float32 [rows, vocabulary]."""
    places = ops.arange(rows.places, dtype="int32")[None, :]
    counted = places < rows.lengths[:, None]
    if not with_prompt:
        counted = ops.logical_and(counted, places >= rows.starts[:, None])
    return count(rows.tokens, counted, vocabulary)


def count(tokens: Any, counted: Any, vocabulary: int) -> Any:
    """Counts tokens [rows, any] where `counted`: float32 [rows, vocabulary].

    Ids that are not in the vocabulary don't count.
    """
    batch, tokens = tokens.shape[0], ops.cast(tokens, "int32")
    known = ops.clip(tokens, 0, vocabulary - 1)
    ones = ops.cast(ops.logical_and(counted, tokens == known), "float32")
    index = known + ops.arange(batch, dtype="int32")[:, None] * vocabulary
    sums = ops.segment_sum(
        ops.reshape(ones, (-1,)), ops.reshape(index, (-1,)), num_segments=batch * vocabulary
    )
    return ops.reshape(sums, (batch, vocabulary))
