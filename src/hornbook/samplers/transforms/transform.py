"""The base of all logits transforms."""

import abc
from dataclasses import fields
from typing import Any, Self

from hornbook.samplers.rows import Rows
from hornbook.samplers.traced import Traced


class LogitsTransform(Traced, abc.ABC):
    """Changes the logits before a sampler looks at them; a frozen value.

    A new one is a frozen dataclass with `__call__`, registered with Keras to be saved. Samplers
    take several, which are called in their order.

    Example:
        >>> from hornbook.samplers import RandomSampler, RepetitionPenalty
        >>> RandomSampler(seed=1, transforms=[RepetitionPenalty(1.2)]).transforms
        (RepetitionPenalty(penalty=1.2),)
    """

    @abc.abstractmethod
    def __call__(self, logits: Any, rows: Rows) -> Any:
        """Gives new logits for the next token.

        Args:
            logits: float32 [rows, vocabulary].
            rows: the tokens so far: `rows.tokens` [rows, places] up to `rows.lengths` [rows], of
                which the first `rows.starts` [rows] are the prompt. What stands after them is
                padding.

        Returns:
            float32 [rows, vocabulary]; minus infinity for what must not be picked.
        """

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)  # type: ignore[arg-type]
            if field.init
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The transform that a `get_config` came from."""
        return cls(**config)
