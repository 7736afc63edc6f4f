"""The position-wise feed-forward network, plain or gated."""

from collections.abc import Callable
from typing import Any

import keras

from hornbook.layers.activation import activation as get_activation
from hornbook.layers.dropout import optional_dropout
from hornbook.layers.linear import Linear
from hornbook.layers.linear_group import Group, linear_products


@keras.saving.register_keras_serializable(package="hornbook")
class FeedForward(keras.layers.Layer):
    """`down(activation(up(x)))`, or with `gated`, `down(activation(gate(x)) * up(x))`.

    The gated form follows Shazeer, "GLU Variants Improve Transformer" (2020). Maps
    [..., hidden_dim] to the same shape. `dropout` is the rate on what `down` reads, in training.

    Example:
        >>> import numpy as np
        >>> FeedForward(7, "silu", gated=True)(np.ones((1, 2, 5), "float32")).shape
        (1, 2, 5)
    """

    def __init__(
        self,
        intermediate_dim: int,
        activation: str | Callable[[Any], Any] | dict[str, Any],
        *,
        gated: bool = False,
        use_bias: bool = True,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.intermediate_dim = intermediate_dim
        self.activation_name = activation
        self.activation = get_activation(activation)
        self.gated = gated
        self.use_bias = use_bias
        self.dropout_rate = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.up = self._project(intermediate_dim, "up")
        self.gate = self._project(intermediate_dim, "gate") if gated else None
        self.dropout = optional_dropout(dropout, self.dtype_policy)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        self.up.build(input_shape)
        if self.gate is not None:
            self.gate.build(input_shape)
        self.down = self._project(input_shape[-1], "down")
        self.down.build((*input_shape[:-1], self.intermediate_dim))

    def _project(self, units: int, name: str) -> Linear:
        return Linear(
            units, self.use_bias, self.kernel_initializer, self.bias_initializer, name=name,
            dtype=self.dtype_policy,
        )  # fmt: skip

    @property
    def linear_groups(self) -> tuple[Group, ...]:
        """What is multiplied by the same inputs."""
        return () if self.gate is None else ((self.gate, self.up),)

    def call(self, inputs: Any) -> Any:
        if self.gate is None:
            x = self.activation(self.up(inputs))
        else:
            gate, up = linear_products(inputs, (self.gate, self.up))
            x = self.activation(gate) * up
        return self.down(x if self.dropout is None else self.dropout(x))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "intermediate_dim": self.intermediate_dim,
            "activation": keras.saving.serialize_keras_object(self.activation_name),
            "gated": self.gated,
            "use_bias": self.use_bias,
            "dropout": self.dropout_rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
