"""What a check says, and what it looks at."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Severity = Literal["warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One probable mistake in a training run.

    Attributes:
        code: which mistake, in a word that stays the same, such as "zero_rate".
        message: one sentence: what was found, and how to mend it.
        severity: "error" where training can't make sense, else "warning".
    """

    code: str
    message: str
    severity: Severity = "warning"

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Batch:
    """The first rows of the data, as the model will be trained on them.

    Attributes:
        inputs: name to array; a model with one unnamed input has it under "".
        labels: an array, or None where there is none, or several.
        weights: of the labels, broadcast to their shape; None where all count alike.
    """

    inputs: dict[str, np.ndarray]
    labels: np.ndarray | None = None
    weights: np.ndarray | None = None

    @property
    def token_ids(self) -> np.ndarray | None:
        """The integers [batch, length] that the model reads, where there is one such input."""
        if "token_ids" in self.inputs:
            return self.inputs["token_ids"]
        found = [a for a in self.inputs.values() if a.ndim == 2 and a.dtype.kind in "iu"]
        return found[0] if len(found) == 1 else None

    @property
    def token_labels(self) -> np.ndarray | None:
        """The labels where they are one integer a token, [batch, length]."""
        labels = self.labels
        if labels is None or labels.ndim != 2 or labels.dtype.kind not in "iu":
            return None
        return labels

    @property
    def counted(self) -> np.ndarray | None:
        """Where a label has a weight, bool of the labels' shape."""
        if self.labels is None:
            return None
        return np.ones(self.labels.shape, bool) if self.weights is None else self.weights != 0


@dataclass(frozen=True)
class Run:
    """A training run before its first step.

    Attributes:
        model: a compiled `keras.Model`.
        preprocessor: what reads its text, or None.
        steps: how many steps the run takes, or None where the data has no known length.
        texts: the first texts, where the data is text, each cut where nobody reads on.
        batch: the first rows, or None where they can't be looked at without using them up.
        rate_is_set: whether a callback sets the learning rate.
    """

    model: Any
    preprocessor: Any = None
    steps: int | None = None
    texts: tuple[str, ...] = ()
    batch: Batch | None = None
    rate_is_set: bool = False


def percent(share: float) -> str:
    """A share in words: "37%", and what is nearly nothing "under 1%"."""
    return f"{share:.0%}" if share >= 0.01 else "under 1%"


def listed(names: list[str], most: int = 3) -> str:
    """A few names in quotes, and how many more there are."""
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
