"""The loss by which routers learn to use all experts alike."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hornbook")
class LoadBalance(keras.layers.Layer):
    """Adds, in training, a loss that is least when all experts are chosen alike often.

    It is `weight` times the number of experts times the sum over them of the share of choices that
    an expert gets, for each of the ranks, times its mean probability (Fedus et al., "Switch
    Transformers", 2021). Shares and probabilities are those of the real tokens of all layers
    together, as in transformers: what one layer leaves out, another may make up for.

    Call arguments: `inputs`, which it returns as they are; `router_logits`, a list with float
    [batch, length, experts] of each layer that has experts; `padding_mask` [batch, length], true on
    real tokens, which alone count; by default all.

    Args:
        num_active: how many experts each token uses.
        weight: of the loss.

    Example:
        >>> import numpy as np
        >>> layer = LoadBalance(2, weight=0.5)
        >>> inputs = layer(np.ones((1, 3, 4)), [np.zeros((1, 3, 6))], training=True)
        >>> float(layer.losses[0])
        1.0
    """

    def __init__(self, num_active: int, weight: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_active = num_active
        self.weight = weight

    def build(self, *shapes: Any) -> None:
        """It has no weights."""

    def call(
        self,
        inputs: Any,
        router_logits: Sequence[Any],
        padding_mask: Any = None,
        training: bool | None = None,
    ) -> Any:
        if training and self.weight:
            self.add_loss(self.weight * self._imbalance(router_logits, padding_mask))
        return inputs

    def compute_output_spec(self, inputs: Any, *_: Any, **__: Any) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_active": self.num_active, "weight": self.weight}

    def _imbalance(self, router_logits: Sequence[Any], padding_mask: Any) -> Any:
        """1 for each rank when all experts are chosen alike often, and more otherwise."""
        logits = ops.cast(ops.stack(router_logits), "float32")
        real = ops.ones_like(logits[..., :1])
        if padding_mask is not None:
            real = real * ops.cast(padding_mask, "float32")[None, ..., None]
        number = logits.shape[-1]
        probabilities = ops.softmax(logits, axis=-1)
        _, chosen = ops.top_k(probabilities, self.num_active)
        chosen = ops.cast(chosen, "int32")[..., None]
        is_of = ops.cast(chosen == ops.arange(number, dtype="int32"), "float32")
        count = ops.maximum(ops.sum(real), 1.0)
        shares = ops.sum(is_of * real[..., None], axis=(0, 1, 2, 3)) / count
        means = ops.sum(probabilities * real, axis=(0, 1, 2)) / count
        return number * ops.sum(shares * means)
