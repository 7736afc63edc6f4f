"""A feed-forward network of which each token uses a part: the experts that a router chooses."""

from typing import Any, Self

import keras
from keras import ops

from hornbook.layers.activation import activation as get_activation
from hornbook.layers.experts import Experts, experts_product
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.initializer import own_initializer
from hornbook.layers.linear import Linear


@keras.saving.register_keras_serializable(package="hornbook")
class MixtureOfExperts(keras.layers.Layer):
    """Gated networks, of which a router chooses a few for each token and weighs their outputs.

    Follows Shazeer et al., "Outrageously Large Neural Networks" (2017) and Jiang et al., "Mixtral
    of Experts" (2024). Maps [..., hidden_dim] to the same shape. Variables stand under `router`,
    under `experts` as `gate`, `up` [experts, intermediate_dim, hidden_dim] and `down` [experts,
    hidden_dim, intermediate_dim], and under `shared` and `shared_gate`.

    Call arguments: `inputs`; `return_router_logits`, for the router's [..., num_experts] as well,
    of which `LoadBalance` makes a loss.

    Args:
        num_experts: number of networks.
        num_active: how many each token uses.
        intermediate_dim: width of one.
        activation: of the gates.
        normalize: whether the weights of the chosen ones add up to 1; else they are the router's
            probabilities.
        shared: a network that every token uses too, or None.
        gate_shared: whether the shared network's output is weighed, by a learned sigmoid.
        kernel_initializer: of all kernels but those of `shared`.

    Example:
        >>> import numpy as np
        >>> layer = MixtureOfExperts(4, 2, 6, "silu")
        >>> layer(np.ones((1, 3, 5), "float32")).shape
        (1, 3, 5)
    """

    def __init__(
        self,
        num_experts: int,
        num_active: int,
        intermediate_dim: int,
        activation: str = "silu",
        *,
        normalize: bool = True,
        shared: FeedForward | None = None,
        gate_shared: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 < num_active <= num_experts:
            raise ValueError(
                f"num_active={num_active} must be between 1 and num_experts={num_experts}."
            )
        self.num_experts = num_experts
        self.num_active = num_active
        self.intermediate_dim = intermediate_dim
        self.activation_name = activation
        self.activation = get_activation(activation)
        self.normalize = normalize
        self.shared = shared
        self.gate_shared = gate_shared
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.router = self._project(num_experts, "router")
        self.shared_gate = self._project(1, "shared_gate") if gate_shared else None
        self.experts = _StackedExperts(
            num_experts,
            intermediate_dim,
            self.kernel_initializer,
            name="experts",
            dtype=self.dtype_policy,
        )

    def build(self, inputs_shape: tuple[Any, ...]) -> None:
        for part in (self.router, self.experts, self.shared, self.shared_gate):
            if part is not None and not part.built:
                part.build(inputs_shape)

    def call(self, inputs: Any, return_router_logits: bool = False) -> Any:
        width = inputs.shape[-1]
        tokens = ops.reshape(inputs, (-1, width))
        logits = self.router(tokens)
        probabilities = ops.softmax(ops.cast(logits, "float32"), axis=-1)
        weights, chosen = ops.top_k(probabilities, self.num_active)
        chosen = ops.cast(chosen, "int32")
        if self.normalize:
            weights = weights / ops.sum(weights, axis=-1, keepdims=True)
        outputs = experts_product(tokens, chosen, weights, self.experts.kernels(), self.activation)
        if self.shared is not None:
            shared = self.shared(tokens)
            if self.shared_gate is not None:
                shared = ops.sigmoid(self.shared_gate(tokens)) * shared
            outputs = outputs + shared
        shape = ops.shape(inputs)
        outputs = ops.reshape(outputs, shape)
        if return_router_logits:
            return outputs, ops.reshape(logits, (*shape[:-1], self.num_experts))
        return outputs

    def compute_output_spec(self, inputs: Any, return_router_logits: bool = False) -> Any:
        outputs = keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
        if not return_router_logits:
            return outputs
        shape = (*inputs.shape[:-1], self.num_experts)
        return outputs, keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_experts": self.num_experts,
            "num_active": self.num_active,
            "intermediate_dim": self.intermediate_dim,
            "activation": self.activation_name,
            "normalize": self.normalize,
            "shared": keras.saving.serialize_keras_object(self.shared),
            "gate_shared": self.gate_shared,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        shared = keras.saving.deserialize_keras_object(config.get("shared"))
        return cls(**{**config, "shared": shared})

    def _project(self, units: int, name: str) -> Linear:
        return Linear(
            units,
            use_bias=False,
            kernel_initializer=self.kernel_initializer,
            name=name,
            dtype=self.dtype_policy,
        )


class _StackedExperts(keras.layers.Layer):
    """Holds the experts' weights."""

    def __init__(self, number: int, intermediate_dim: int, initializer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number
        self.intermediate_dim = intermediate_dim
        self.initializer = initializer

    def build(self, inputs_shape: tuple[Any, ...]) -> None:
        wide = (self.number, self.intermediate_dim, inputs_shape[-1])
        narrow = (self.number, inputs_shape[-1], self.intermediate_dim)
        shapes = {"gate": wide, "up": wide, "down": narrow}
        self.gate, self.up, self.down = (
            self.add_weight(name=name, shape=shape, initializer=own_initializer(self.initializer))
            for name, shape in shapes.items()
        )

    def kernels(self) -> Experts:
        """In the compute dtype."""
        return Experts(
            *(ops.cast(kernel, self.compute_dtype) for kernel in (self.gate, self.up, self.down))
        )
