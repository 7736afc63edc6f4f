"""Numbers that are added to the logits of certain tokens."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers.rows import Rows
from hornbook.samplers.transforms.transform import LogitsTransform


@keras.saving.register_keras_serializable("hornbook")
@dataclass(frozen=True)
class LogitBias(LogitsTransform):
    """Adds a number to the logits of some tokens.

    Args:
        bias: token id to number; minus infinity forbids a token.

    Example:
        >>> LogitBias({50256: -100.0})
        LogitBias(bias={50256: -100.0})
    """

    bias: Mapping[int, float] = field(hash=False)
    token_ids: tuple[int, ...] = field(init=False, repr=False)
    numbers: tuple[float, ...] = field(init=False, repr=False)
    traced = ("numbers",)

    def __post_init__(self) -> None:
        if not isinstance(self.bias, Mapping) or not self.bias:
            raise GenerationError(f"bias is {self.bias!r}; expected token ids with a number each")
        # In JSON all keys are strings.
        bias = {int(token_id): float(number) for token_id, number in self.bias.items()}
        if min(bias) < 0:
            raise GenerationError(f"bias has the token id {min(bias)}; expected 0 or more")
        if any(math.isnan(number) for number in bias.values()):
            raise GenerationError(f"bias is {bias}; expected numbers, and nan is none")
        token_ids, numbers = zip(*sorted(bias.items()), strict=True)
        vars(self).update(bias=bias, token_ids=token_ids, numbers=numbers)

    @property
    def trace_key(self) -> tuple[Any, ...]:
        return type(self), self.token_ids

    def __call__(self, logits: Any, rows: Rows) -> Any:
        vocabulary = logits.shape[-1]
        if self.token_ids[-1] >= vocabulary:
            raise GenerationError(
                f"bias has the token id {self.token_ids[-1]}, but the vocabulary has {vocabulary} "
                "tokens"
            )
        numbers = ops.convert_to_tensor(self.numbers, dtype="float32")
        token_ids = ops.convert_to_tensor(self.token_ids, dtype="int32")
        return logits + ops.segment_sum(numbers, token_ids, num_segments=vocabulary)
