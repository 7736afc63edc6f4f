"""Pooling of a sequence's hidden states into one vector."""

from typing import Any, Literal

import keras
from keras import ops
from keras.src.backend import get_keras_mask

PoolingMode = Literal["mean", "cls", "last"]
MODES: tuple[PoolingMode, ...] = ("mean", "cls", "last")


@keras.saving.register_keras_serializable(package="hornbook")
class SequencePooling(keras.layers.Layer):
    """One vector a sequence: the mean over real tokens, or the first or last real token's state.

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
        if mode not in MODES:
            raise ValueError(f"Pooling mode is {mode!r}; expected one of {', '.join(MODES)}.")
        self.mode = mode

    def call(self, inputs: Any, padding_mask: Any = None) -> Any:
        if self.mode == "cls":
            return inputs[:, 0, :]
        if padding_mask is None:
            padding_mask = get_keras_mask(inputs)
        if padding_mask is None:
            padding_mask = ops.ones(ops.shape(inputs)[:2], "float32")
        if self.mode == "last":
            return _last(inputs, padding_mask)
        weights = ops.expand_dims(ops.cast(padding_mask, "float32"), -1)
        total = ops.sum(ops.cast(inputs, "float32") * weights, axis=1)
        return ops.cast(total / ops.maximum(ops.sum(weights, axis=1), 1e-9), self.compute_dtype)

    def compute_output_shape(self, inputs_shape: Any, padding_mask_shape: Any = None) -> Any:
        return (inputs_shape[0], inputs_shape[-1])

    def compute_mask(self, inputs: Any, previous: Any = None) -> None:
        """Of one vector a sequence there is none."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}


def _last(inputs: Any, padding_mask: Any) -> Any:
    """The states of the last tokens that are real, wherever padding stands."""
    places = ops.arange(ops.shape(inputs)[1], dtype="int32")
    last = ops.max(ops.cast(padding_mask, "int32") * places, axis=1)
    index = ops.broadcast_to(last[:, None, None], (ops.shape(inputs)[0], 1, inputs.shape[-1]))
    return ops.squeeze(ops.take_along_axis(inputs, index, axis=1), 1)
