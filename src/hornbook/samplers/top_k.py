"""Sampling among the k most likely tokens."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers.draw import draw, spread
from hornbook.samplers.sampler import Sampler
from hornbook.samplers.transforms import LogitsTransform


@keras.saving.register_keras_serializable("hornbook")
class TopKSampler(Sampler):
    """Draws among the `k` most likely tokens, in proportion to their probabilities.

    Follows Fan et al., "Hierarchical Neural Story Generation" (2018).

    Args:
        k: how many tokens may be drawn.
        seed: of the random numbers; None takes new ones every time.
        temperature: logits are divided by it.
        transforms: change the logits.

    Example:
        >>> sampler = TopKSampler(k=2)
        >>> logits = ops.array([[0.1, 0.9, 0.5]] * 2)
        >>> sampler.next_tokens(logits, ops.array([0.1, 0.9])).tolist()
        [1, 2]
    """

    traced = ("temperature",)

    def __init__(
        self,
        k: int = 5,
        seed: int | None = None,
        temperature: float = 1.0,
        transforms: Sequence[LogitsTransform] = (),
    ) -> None:
        super().__init__(temperature, seed, transforms)
        if k < 1:
            raise GenerationError(f"k is {k}; expected 1 or more")
        self.k = k

    @property
    def tokens_asked(self) -> int | None:
        return None if self.transforms or type(self) is not TopKSampler else self.k

    def choose(self, logits: Any, uniforms: Any) -> Any:
        weights, tokens = self._best(logits)
        return ops.take_along_axis(tokens, draw(weights, uniforms)[:, None], axis=-1)[:, 0]

    def weights(self, logits: Any) -> Any:
        return spread(*self._best(logits), logits.shape[-1])

    def _best(self, logits: Any) -> tuple[Any, Any]:
        """Weights and ids [batch, k] of the likeliest tokens."""
        best, tokens = ops.top_k(logits, min(self.k, logits.shape[-1]))
        # Not the first of them: with a slice of what it finds, XLA sorts the whole vocabulary.
        return ops.exp(best - ops.max(best, axis=-1, keepdims=True)), tokens

    def get_config(self) -> dict[str, Any]:
        return {"k": self.k, **super().get_config()}
