"""Penalties for tokens that are there already."""

import abc
import math
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers.rows import Rows
from hornbook.samplers.transforms.counts import token_counts
from hornbook.samplers.transforms.transform import LogitsTransform


@keras.saving.register_keras_serializable("hornbook")
@dataclass(frozen=True)
class RepetitionPenalty(LogitsTransform):
    """Divides the logits of tokens that occurred by a penalty; negative ones are multiplied.

    Counts the prompt and what was generated. Follows Keskar et al., "CTRL" (2019).

    Args:
        penalty: above 1 tokens become less likely to come again, below 1 likelier.

    Example:
        >>> RepetitionPenalty(1.3)
        RepetitionPenalty(penalty=1.3)
    """

    penalty: float
    traced = ("penalty",)

    def __post_init__(self) -> None:
        if not 0 < self.penalty < math.inf:
            raise GenerationError(
                f"penalty is {self.penalty}; expected a number above 0, of which 1 changes nothing"
            )

    def __call__(self, logits: Any, rows: Rows) -> Any:
        occurred = token_counts(rows, logits.shape[-1]) > 0
        penalised = ops.where(logits > 0, logits / self.penalty, logits * self.penalty)
        return ops.where(occurred, penalised, logits)


@dataclass(frozen=True)
class CountPenalty(LogitsTransform):
    """A penalty on how often tokens occurred: the base of OpenAI's two.

    Args:
        penalty: above 0 tokens become less likely to come again, below 0 likelier.
        with_prompt: count the prompt as well as what was generated.
    """

    penalty: float
    with_prompt: bool = True
    traced = ("penalty",)

    def __post_init__(self) -> None:
        if not math.isfinite(self.penalty):
            raise GenerationError(
                f"penalty is {self.penalty}; expected a number, of which 0 changes nothing "
                "(LogitBias can forbid tokens)"
            )

    def __call__(self, logits: Any, rows: Rows) -> Any:
        counts = token_counts(rows, logits.shape[-1], self.with_prompt)
        return logits - self.penalty * self._measure(counts)

    @abc.abstractmethod
    def _measure(self, counts: Any) -> Any:
        """What the penalty is multiplied by, float32, from the counts [rows, vocabulary]."""


@keras.saving.register_keras_serializable("hornbook")
@dataclass(frozen=True)
class FrequencyPenalty(CountPenalty):
    """Subtracts a penalty from a token's logit for each time that it occurred.

    With `PresencePenalty` it is the definition of OpenAI's API.

    Args:
        penalty: above 0 tokens become less likely to come again, below 0 likelier.
        with_prompt: count the prompt as well as what was generated.

    Example:
        >>> FrequencyPenalty(0.5)
        FrequencyPenalty(penalty=0.5, with_prompt=True)
    """

    def _measure(self, counts: Any) -> Any:
        return counts


@keras.saving.register_keras_serializable("hornbook")
@dataclass(frozen=True)
class PresencePenalty(CountPenalty):
    """Subtracts a penalty from the logit of a token that occurred, however often.

    With `FrequencyPenalty` it is the definition of OpenAI's API.

    Args:
        penalty: above 0 tokens become less likely to come again, below 0 likelier.
        with_prompt: count the prompt as well as what was generated.

    Example:
        >>> PresencePenalty(0.5)
        PresencePenalty(penalty=0.5, with_prompt=True)
    """

    def _measure(self, counts: Any) -> Any:
        return ops.cast(counts > 0, "float32")
