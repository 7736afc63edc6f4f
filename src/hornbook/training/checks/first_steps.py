"""What shows only in training: weights that don't move, a loss that is no number."""

import math
import warnings
import zlib
from typing import Any

import keras

from hornbook.errors import HornbookWarning
from hornbook.training.checks.finding import Finding, listed

STEPS = 20
FEWEST = 3  # steps, for a run that ends before; a warm-up may begin with a rate of zero
LOOKED_AT = 64 * 2**20  # bytes of weights, the smallest variables first
# A loss that stays within this share of itself stands still: batches that differ, or a weight that
# moves, change it by far more, and rounding by far less.
STANDSTILL = 1e-5


class FirstSteps(keras.callbacks.Callback):
    """Watches the first steps of `fit` and warns if they teach nothing.

    It compares the weights twice, and looks at the loss in these steps alone, so it doesn't slow
    training down: of the weights, 64 MiB at most, and of these a checksum. Tasks' `fit` adds it by
    itself.

    Args:
        steps: after how many steps it looks again.

    Attributes:
        findings: what it found, also issued as `HornbookWarning`.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> watch = FirstSteps()
        >>> _ = model.fit(np.ones((8, 1)), np.zeros(8), batch_size=1, verbose=0, callbacks=[watch])
        >>> watch.findings
        []
    """

    # Its hooks are those that run before a step: one after a step would keep Keras from running
    # ahead of the accelerator.

    def __init__(self, steps: int = STEPS) -> None:
        super().__init__()
        self.steps = steps
        self.findings: list[Finding] = []
        self._seen = 0
        self._before: dict[str, int] | None = None
        self._losses: list[float] = []
        self._every = 1

    def on_train_begin(self, logs: Any = None) -> None:
        self.findings, self._losses = [], []
        self._seen, self._before = 0, None
        self._every = getattr(self._model.optimizer, "gradient_accumulation_steps", None) or 1

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._seen == 0:
            self._before = checksums(self.model)
        elif self._before is not None and self._seen % self._every == 0:
            self._note(_loss(self.model))
            if self._seen == self.steps * self._every:
                self._look()
        self._seen += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._before is not None:  # a pass of one step is seen here alone
            self._note((logs or {}).get("loss"))

    def on_train_end(self, logs: Any = None) -> None:
        if FEWEST <= self._seen / self._every <= self.steps:
            self._look()
        self._before = None

    def _note(self, loss: Any) -> None:
        if loss is not None:
            self._losses.append(float(loss))

    def _look(self) -> None:
        if self._before is None:
            return
        model = self.model
        after = checksums(model)
        still = [path for path, value in self._before.items() if after.get(path) == value]
        # TensorFlow builds what is called only within the first step: after it there may be more.
        self.findings = _judge(still, len(after), self._losses, self._seen)
        self._before = None
        for finding in self.findings:
            warnings.warn(finding.message, HornbookWarning, stacklevel=2)


def _judge(still: list[str], variables: int, losses: list[float], steps: int) -> list[Finding]:
    loss = losses[-1] if losses else 0.0
    if not math.isfinite(loss):
        return [
            Finding(
                "loss_not_finite",
                f"The loss is {loss} within the first {steps} steps; lower the learning rate, clip "
                "gradients (clipnorm=1.0), or look for labels outside the vocabulary.",
            )
        ]
    if variables and len(still) == variables:
        return [
            Finding(
                "nothing_learned",
                f"No weight has changed in the first {steps} steps, so the loss doesn't move; "
                "check the learning rate, and that some label counts.",
            )
        ]
    found = []
    if stands_still(losses):
        found.append(
            Finding(
                "loss_constant",
                f"The loss is {loss:.4g} in each of the first {steps} steps; check the labels, the "
                "sample weights and the learning rate.",
            )
        )
    if still and steps > FEWEST:
        found.append(
            Finding(
                "weights_not_used",
                f"Weights {listed(still)} haven't changed in the first {steps} steps while others "
                "have; pass their layer's output on, freeze them, or delete the layer.",
            )
        )
    return found


def stands_still(losses: list[float]) -> bool:
    """Whether losses, or their running means, differ by no more than rounding does."""
    if len(losses) < 2:
        return False
    return max(losses) - min(losses) <= STANDSTILL * max(map(abs, losses))


def checksums(model: Any) -> dict[str, int]:
    """A checksum of each trainable variable that is looked at, by path."""
    sums: dict[str, int] = {}
    budget = LOOKED_AT
    for variable in sorted(model.trainable_variables, key=lambda v: math.prod(v.shape)):
        budget -= math.prod(variable.shape) * 4
        if budget < 0 and sums:
            break
        value = keras.ops.convert_to_numpy(variable)
        sums[variable.path] = zlib.crc32(value.tobytes())
    return sums


def _loss(model: Any) -> float | None:
    """The mean of the losses since the epoch began; None where it begins just now."""
    for metric in model.metrics:
        if metric.name == "loss":
            return float(metric.result()) if float(metric.count) else None
    return None
