"""Pooling of a sequence's hidden states into one vector."""

from typing import Any, Literal

import keras
from keras import ops
from keras.src.backend import get_keras_mask

PoolingMode = Literal["mean", "cls"]


@keras.saving.register_keras_serializable(package="hornbook")
class SequencePooling(keras.layers.Layer):
    """One vector a sequence: the mean over real tokens, or the first token's state.

    Call arguments: hidden states [batch, length, features] and `padding_mask` [batch, length],
    true on real tokens; by default the mask that comes with the inputs, as of an embedding with
    `mask_zero`, else all. Returns [batch, features]; the mean is computed in float32, as in Reimers
    and Gurevych, "Sentence-BERT" (2019).

    Example:
        >>> import numpy as np
        >>> pooling = SequencePooling("mean")
        >>> pooling(np.array([[[2.0], [4.0], [9.0]]]), padding_mask=np.array([[1, 1, 0]])).tolist()
        [[3.0]]
    """

    def __init__(self, mode: PoolingMode = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        if mode not in ("mean", "cls"):
            raise ValueError(f"Pooling mode is {mode!r}; expected 'mean' or 'cls'.")
        self.mode = mode

    def call(self, inputs: Any, padding_mask: Any = None) -> Any:
        if self.mode == "cls":
            return inputs[:, 0, :]
        if padding_mask is None:
            padding_mask = get_keras_mask(inputs)
        if padding_mask is None:
            padding_mask = ops.ones(ops.shape(inputs)[:2], "float32")
        weights = ops.expand_dims(ops.cast(padding_mask, "float32"), -1)
        total = ops.sum(ops.cast(inputs, "float32") * weights, axis=1)
        return ops.cast(total / ops.maximum(ops.sum(weights, axis=1), 1e-9), self.compute_dtype)

    def compute_mask(self, inputs: Any, previous: Any = None) -> None:
        """Of one vector a sequence there is none."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}
