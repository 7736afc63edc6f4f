"""Normalisation over the last axis, computed in float32 whatever the compute dtype is."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hornbook")
class RMSNormalization(keras.layers.Layer):
    """Divides by the root of the mean square and multiplies by a learned `scale` [features].

    Follows Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).

    Args:
        epsilon: added to the mean square.
        offset: added to `scale` before it multiplies; with 1, `scale` is learned as the distance
            from one (as in Gemma Team, 2024), and starts at zero.

    Example:
        >>> import numpy as np
        >>> RMSNormalization()(np.full((1, 4), 3.0, "float32")).shape
        (1, 4)
    """

    def __init__(self, epsilon: float = 1e-6, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.epsilon = epsilon
        self.offset = offset

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        initializer = keras.initializers.Constant(1.0 - self.offset)
        self.scale = self.add_weight(
            name="scale", shape=(input_shape[-1],), initializer=initializer
        )

    def call(self, inputs: Any) -> Any:
        if self.offset:
            # In half precision the sum would lose what the scale has learned.
            scale = ops.cast(self.scale, "float32") + self.offset
        else:
            scale = ops.cast(self.scale, self.compute_dtype)
        if keras.backend.backend() == "torch":
            return _torch_rms_norm(inputs, scale, self.epsilon, self.compute_dtype)
        native = _native_norm(inputs, scale, None, self.epsilon, self.compute_dtype)
        if native is not None:
            return native
        if keras.backend.backend() == "tensorflow":
            from hornbook.layers.tensorflow_norm import tensorflow_rms_norm

            return tensorflow_rms_norm(inputs, scale, self.epsilon, self.compute_dtype)
        return rms_norm_reference(inputs, scale, self.epsilon, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon, "offset": self.offset}


@keras.saving.register_keras_serializable(package="hornbook")
class LayerNormalization(keras.layers.Layer):
    """Subtracts the mean, divides by the standard deviation, then `* scale + bias` [features].

    Follows Ba et al., "Layer Normalization" (2016). Unlike `keras.layers.LayerNormalization` it
    names its variables as every other brick does, and its epsilon is the 1e-5 of the field. Without
    `use_bias` nothing is added at the end.

    Example:
        >>> import numpy as np
        >>> LayerNormalization()(np.arange(4.0, dtype="float32")[None]).shape
        (1, 4)
    """

    def __init__(self, epsilon: float = 1e-5, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.epsilon = epsilon
        self.use_bias = use_bias

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (input_shape[-1],)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")
        self.bias = (
            self.add_weight(name="bias", shape=shape, initializer="zeros")
            if self.use_bias
            else None
        )

    def call(self, inputs: Any) -> Any:
        inputs = ops.cast(inputs, self.compute_dtype)
        if keras.backend.backend() == "torch":
            import torch

            scale = ops.convert_to_tensor(self.scale)
            bias = ops.convert_to_tensor(self.bias) if self.use_bias else None
            return torch.nn.functional.layer_norm(inputs, scale.shape, scale, bias, self.epsilon)
        scale, bias = ops.convert_to_tensor(self.scale), self.bias
        added = None if bias is None else ops.convert_to_tensor(bias)
        native = _native_norm(inputs, scale, added, self.epsilon, self.compute_dtype, True)
        if native is not None:
            return native
        if keras.backend.backend() == "tensorflow":
            from hornbook.layers.tensorflow_norm import tensorflow_layer_norm

            return tensorflow_layer_norm(inputs, self.scale, self.bias, self.epsilon)
        return layer_norm_reference(inputs, self.scale, self.bias, self.epsilon)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon, "use_bias": self.use_bias}


def _native_norm(
    inputs: Any, scale: Any, bias: Any, epsilon: float, dtype: str, is_centred: bool = False
) -> Any:
    """The norm as machine code of XLA's, or None where there is none."""
    from hornbook.native.xla_calls import has_native_norm, native_norm

    if not has_native_norm(inputs, scale, dtype):
        return None
    return native_norm(inputs, scale, bias, epsilon, dtype, is_centred)


def layer_norm_reference(inputs: Any, scale: Any, bias: Any, epsilon: float) -> Any:
    """The norm in `keras.ops`, which the backends' own are tested against."""
    x = ops.cast(inputs, "float32")
    centred = x - ops.mean(x, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    x = centred * ops.rsqrt(variance + epsilon)
    x = x * ops.cast(scale, "float32")
    if bias is not None:
        x = x + ops.cast(bias, "float32")
    return ops.cast(x, inputs.dtype)


def _torch_rms_norm(inputs: Any, scale: Any, epsilon: float, dtype: str) -> Any:
    """`rms_norm_reference` in fewer calls of torch; its own one with a scale rounds otherwise."""
    import torch

    x = inputs if inputs.dtype == scale.dtype else inputs.float()
    x = torch.nn.functional.rms_norm(x, x.shape[-1:], None, epsilon)
    return ops.cast(x.to(scale.dtype) * scale, dtype)


def rms_norm_reference(inputs: Any, scale: Any, epsilon: float, dtype: str) -> Any:
    """The norm in `keras.ops`; what the scale multiplies is rounded to its dtype before."""
    x = ops.cast(inputs, "float32")
    mean_square = ops.mean(ops.square(x), axis=-1, keepdims=True)
    x = x * ops.rsqrt(mean_square + epsilon)
    return ops.cast(ops.cast(x, scale.dtype) * scale, dtype)
