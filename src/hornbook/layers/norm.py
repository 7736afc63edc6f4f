"""Normalisation over the last axis, computed in float32 whatever the compute dtype is."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hornbook")
class RMSNormalization(keras.layers.Layer):
    """Divides by the root of the mean square and multiplies by a learned `scale` [features].

    Follows Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).

    Example:
        >>> import numpy as np
        >>> RMSNormalization()(np.full((1, 4), 3.0, "float32")).shape
        (1, 4)
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, "float32")
        mean_square = ops.mean(ops.square(x), axis=-1, keepdims=True)
        x = x * ops.rsqrt(mean_square + self.epsilon)
        return ops.cast(x, self.compute_dtype) * ops.cast(self.scale, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="hornbook")
class LayerNormalization(keras.layers.Layer):
    """Subtracts the mean, divides by the standard deviation, then `* scale + bias` [features].

    Follows Ba et al., "Layer Normalization" (2016). Unlike `keras.layers.LayerNormalization` it
    names its variables as every other brick does, and its epsilon is the 1e-5 of the field.

    Example:
        >>> import numpy as np
        >>> LayerNormalization()(np.arange(4.0, dtype="float32")[None]).shape
        (1, 4)
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="ones")
        self.bias = self.add_weight(name="bias", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        inputs = ops.cast(inputs, self.compute_dtype)
        if keras.backend.backend() == "torch":
            import torch

            scale, bias = map(ops.convert_to_tensor, (self.scale, self.bias))
            return torch.nn.functional.layer_norm(inputs, scale.shape, scale, bias, self.epsilon)
        return layer_norm_reference(inputs, self.scale, self.bias, self.epsilon)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


def layer_norm_reference(inputs: Any, scale: Any, bias: Any, epsilon: float) -> Any:
    """The norm in `keras.ops`, which torch's own is tested against."""
    x = ops.cast(inputs, "float32")
    centred = x - ops.mean(x, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    x = centred * ops.rsqrt(variance + epsilon)
    x = x * ops.cast(scale, "float32") + ops.cast(bias, "float32")
    return ops.cast(x, inputs.dtype)
