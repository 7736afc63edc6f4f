"""Sampling among the tokens that are not much less likely than the likeliest."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers.sampler import Sampler
from hornbook.samplers.transforms import LogitsTransform


@keras.saving.register_keras_serializable("hornbook")
class MinPSampler(Sampler):
    """Draws among the tokens with at least `p` times the probability of the likeliest.

    Follows Nguyen et al., "Turning Up the Heat: Min-p Sampling" (2024).

    Args:
        p: the share of the likeliest token's probability, from 0 to 1.
        seed: of the random numbers; None takes new ones every time.
        temperature: logits are divided by it.
        transforms: change the logits.

    Example:
        >>> sampler = MinPSampler(p=0.4)
        >>> logits = ops.log(ops.array([[0.1, 0.6, 0.3]] * 2))
        >>> sampler.next_tokens(logits, ops.array([0.6, 0.99])).tolist()
        [1, 2]
    """

    traced = ("p", "temperature")

    def __init__(
        self,
        p: float = 0.05,
        seed: int | None = None,
        temperature: float = 1.0,
        transforms: Sequence[LogitsTransform] = (),
    ) -> None:
        super().__init__(temperature, seed, transforms)
        if not 0 <= p <= 1:
            raise GenerationError(f"p is {p}; expected a share from 0 to 1")
        self.p = p

    def weights(self, logits: Any) -> Any:
        probabilities = ops.softmax(logits, axis=-1)
        least = self.p * ops.max(probabilities, axis=-1, keepdims=True)
        return ops.where(probabilities >= least, probabilities, 0.0)

    def get_config(self) -> dict[str, Any]:
        return {"p": self.p, **super().get_config()}
