"""No sequence of n tokens twice."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers.rows import Rows
from hornbook.samplers.transforms.counts import count
from hornbook.samplers.transforms.transform import LogitsTransform


@keras.saving.register_keras_serializable("hornbook")
@dataclass(frozen=True)
class NoRepeatNGrams(LogitsTransform):
    """Forbids tokens that would complete a sequence of `size` tokens that occurred.

    The prompt's sequences count as well. Follows Paulus et al., "A Deep Reinforced Model for
    Abstractive Summarization" (2017).

    Args:
        size: the tokens of a sequence; 1 forbids all tokens that occurred.

    Example:
        >>> NoRepeatNGrams(3)
        NoRepeatNGrams(size=3)
    """

    size: int

    def __post_init__(self) -> None:
        if not isinstance(self.size, int) or self.size < 1:
            raise GenerationError(f"size is {self.size}; expected 1 or more tokens")

    def __call__(self, logits: Any, rows: Rows) -> Any:
        before = self.size - 1
        sequences = rows.places - before
        if sequences < 1:
            return logits
        offsets = ops.arange(before, dtype="int32")
        last = ops.maximum(rows.lengths[:, None] - before + offsets, 0)
        last = ops.take_along_axis(rows.tokens, last, axis=1)
        ends = ops.arange(before, rows.places, dtype="int32")[None, :]
        repeats = ends < rows.lengths[:, None]
        for place in range(before):
            same = rows.tokens[:, place : place + sequences] == last[:, place : place + 1]
            repeats = ops.logical_and(repeats, same)
        forbidden = count(rows.tokens[:, before:], repeats, logits.shape[-1]) > 0
        return ops.where(forbidden, -float("inf"), logits)
