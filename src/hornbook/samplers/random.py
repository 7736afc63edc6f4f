"""Sampling from the model's whole distribution."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from hornbook.samplers.sampler import Sampler
from hornbook.samplers.transforms import LogitsTransform


@keras.saving.register_keras_serializable("hornbook")
class RandomSampler(Sampler):
    """Draws each token with the probability that the model gives it.

    Args:
        seed: of the random numbers; None takes new ones every time.
        temperature: logits are divided by it.
        transforms: change the logits.

    Example:
        >>> sampler = RandomSampler(temperature=0.7)
        >>> sampler.next_tokens(ops.array([[0.1, 0.9]] * 2), ops.array([0.1, 0.9])).tolist()
        [0, 1]
    """

    traced = ("temperature",)

    def __init__(
        self,
        seed: int | None = None,
        temperature: float = 1.0,
        transforms: Sequence[LogitsTransform] = (),
    ) -> None:
        super().__init__(temperature, seed, transforms)

    def weights(self, logits: Any) -> Any:
        return ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))
