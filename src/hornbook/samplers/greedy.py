"""Always the most likely token."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from hornbook.samplers.likeliest import likeliest
from hornbook.samplers.sampler import Sampler
from hornbook.samplers.transforms import LogitsTransform


@keras.saving.register_keras_serializable("hornbook")
class GreedySampler(Sampler):
    """Takes the most likely token.

    Args:
        temperature: changes nothing; every sampler has it.
        seed: likewise.
        transforms: change the logits.

    Example:
        >>> GreedySampler().next_tokens(ops.array([[0.1, 0.9, 0.5]]), ops.array([0.0])).tolist()
        [1]
    """

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        seed: int | None = None,
        transforms: Sequence[LogitsTransform] = (),
    ) -> None:
        super().__init__(temperature, seed, transforms)

    @property
    def tokens_asked(self) -> int | None:
        return None if self.transforms or type(self) is not GreedySampler else 1

    def choose(self, logits: Any, uniforms: Any) -> Any:
        return likeliest(logits)

    def weights(self, logits: Any) -> Any:
        return ops.one_hot(likeliest(logits), logits.shape[-1], dtype="float32")

    def _scaled(self, logits: Any) -> Any:
        return ops.cast(logits, "float32")  # which token is the likeliest, no division changes

    def get_config(self) -> dict[str, Any]:
        return self._transforms_config()
