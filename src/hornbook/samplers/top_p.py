"""Nucleus sampling: among the fewest tokens that have a given probability together."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers.draw import draw, spread
from hornbook.samplers.nucleus import nucleus
from hornbook.samplers.sampler import Sampler
from hornbook.samplers.transforms import LogitsTransform


@keras.saving.register_keras_serializable("hornbook")
class TopPSampler(Sampler):
    """Draws among the most likely tokens that together reach the probability `p`.

    A token stays when the tokens likelier than it have less than `p` together, so that the most
    likely one always does. Follows Holtzman et al., "The Curious Case of Neural Text
    Degeneration" (2019).

    Args:
        p: the probability to reach, above 0 and at most 1.
        k: look at no more than the `k` most likely tokens; quicker where that is enough.
        seed: of the random numbers; None takes new ones every time.
        temperature: logits are divided by it.
        transforms: change the logits.

    Example:
        >>> sampler = TopPSampler(p=0.7)
        >>> logits = ops.log(ops.array([[0.1, 0.6, 0.3]] * 3))
        >>> sampler.next_tokens(logits, ops.array([0.1, 0.6, 0.99])).tolist()
        [1, 1, 2]
    """

    traced = ("p", "temperature")

    def __init__(
        self,
        p: float = 0.1,
        k: int | None = None,
        seed: int | None = None,
        temperature: float = 1.0,
        transforms: Sequence[LogitsTransform] = (),
    ) -> None:
        super().__init__(temperature, seed, transforms)
        if not 0 < p <= 1:
            raise GenerationError(f"p is {p}; expected a probability above 0 and at most 1")
        if k is not None and k < 1:
            raise GenerationError(f"k is {k}; expected 1 or more, or None for all tokens")
        self.p = p
        self.k = k

    def choose(self, logits: Any, uniforms: Any) -> Any:
        if self.k is None:
            return super().choose(logits, uniforms)
        weights, tokens = self._best(logits, self.k)
        return ops.take_along_axis(tokens, draw(weights, uniforms)[:, None], axis=-1)[:, 0]

    def weights(self, logits: Any) -> Any:
        if self.k is None:
            return nucleus(ops.softmax(logits, axis=-1), self.p)
        return spread(*self._best(logits, self.k), logits.shape[-1])

    def _best(self, logits: Any, k: int) -> tuple[Any, Any]:
        """Weights and ids [batch, k] of the likeliest tokens, 0 outside of the nucleus."""
        best, tokens = ops.top_k(ops.softmax(logits, axis=-1), min(k, logits.shape[-1]))
        likelier = ops.cumsum(best, axis=-1) - best
        return ops.where(likelier < self.p, best, 0.0), tokens

    def get_config(self) -> dict[str, Any]:
        return {"p": self.p, "k": self.k, **super().get_config()}
