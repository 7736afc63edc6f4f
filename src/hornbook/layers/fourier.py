"""Mixing of tokens by Fourier transforms instead of attention."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.norm import LayerNormalization
from hornbook.layers.transformer_layer import TransformerLayer

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="hornbook")
class FourierMixing(keras.layers.Layer):
    """The real part of the Fourier transform over features and positions; no variables.

    It has the call form of `Attention`, whose other arguments it ignores: padding is mixed in too,
    as in the original (Lee-Thorp et al., "FNet", 2021). Maps [batch, length, features] to the same
    shape, computed in float32.

    Example:
        >>> import numpy as np
        >>> FourierMixing()(np.ones((1, 2, 2), "float32")).tolist()
        [[[4.0, 0.0], [0.0, 0.0]]]
    """

    window = None  # every token is mixed with every other

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, *_: Any, **__: Any) -> Any:
        x = ops.cast(inputs, "float32")
        real, _ = ops.fft2((x, ops.zeros_like(x)))
        return ops.cast(real, self.compute_dtype)

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return inputs_shape


@keras.saving.register_keras_serializable(package="hornbook")
class FNetEncoder(keras.layers.Layer):
    """One encoder block of FNet: Fourier mixing, then the feed-forward network.

    Follows Lee-Thorp et al., "FNet: Mixing Tokens with Fourier Transforms" (2021), with
    `keras_nlp`'s arguments. Maps [batch, length, features] to the same shape.

    Args:
        intermediate_dim: width of the feed-forward network.
        dropout: rate on the output of both parts, in training.
        activation: of the feed-forward network.
        layer_norm_epsilon: added to the variance in both norms.
        kernel_initializer: of the kernels.
        bias_initializer: of the biases.

    Example:
        >>> import numpy as np
        >>> FNetEncoder(intermediate_dim=12)(np.ones((2, 3, 8), "float32")).shape
        (2, 3, 8)
    """

    def __init__(
        self,
        intermediate_dim: int,
        dropout: float = 0.0,
        activation: str | Callable[[Any], Any] | dict[str, Any] = "relu",
        layer_norm_epsilon: float = 1e-5,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.dropout = dropout
        self.layer_norm_epsilon = layer_norm_epsilon
        given: dict[str, Any] = {"dtype": self.dtype_policy}
        self.layer = TransformerLayer(
            FourierMixing(name="attention", **given),
            LayerNormalization(layer_norm_epsilon, name="attention_norm", **given),
            FeedForward(
                intermediate_dim,
                activation,
                kernel_initializer=kernel_initializer,
                bias_initializer=bias_initializer,
                name="feed_forward",
                **given,
            ),
            LayerNormalization(layer_norm_epsilon, name="feed_forward_norm", **given),
            norm_first=False,
            dropout=dropout,
            name="layer",
            **given,
        )

    def build(self, inputs_shape: Shape) -> None:
        self.layer.build(inputs_shape)

    def call(self, inputs: Any) -> Any:
        return self.layer(inputs)

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        network = self.layer.feed_forward.get_config()
        names = ("intermediate_dim", "activation", "kernel_initializer", "bias_initializer")
        return {
            **super().get_config(),
            **{name: network[name] for name in names},
            "dropout": self.dropout,
            "layer_norm_epsilon": self.layer_norm_epsilon,
        }
