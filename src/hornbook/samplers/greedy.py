"""Always the most likely token."""

from typing import Any

import keras
from keras import ops

from hornbook.samplers.sampler import Sampler


@keras.saving.register_keras_serializable("hornbook")
class GreedySampler(Sampler):
    """Takes the most likely token.

    Example:
        >>> GreedySampler().next_tokens(ops.array([[0.1, 0.9, 0.5]]), ops.array([0.0])).tolist()
        [1]
    """

    def __init__(self) -> None:
        super().__init__()

    def choose(self, logits: Any, uniforms: Any) -> Any:
        return ops.argmax(logits, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {}
