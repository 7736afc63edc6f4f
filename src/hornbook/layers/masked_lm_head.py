"""The head of masked language models: logits at the masked positions."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from hornbook.layers.activation import activation as get_activation
from hornbook.layers.embeddings import ReversibleEmbedding
from hornbook.layers.linear import Linear
from hornbook.layers.linear_product import linear_product
from hornbook.layers.norm import LayerNormalization

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="hornbook")
class MaskedLMHead(keras.layers.Layer):
    """Predicts the tokens that were masked: a dense layer, a norm, then the vocabulary.

    Follows Devlin et al., "BERT" (2018), with `keras_nlp`'s arguments.

    Call arguments:
        inputs: [batch, length, features], an encoder's output.
        mask_positions: int [batch, masks], the positions to predict; all of them if absent.

    Returns:
        [batch, masks, vocabulary], logits unless there is an `activation`.

    Args:
        vocabulary_size: number of tokens; may be left out if there is a `token_embedding`.
        token_embedding: the embedding that the projection is tied to, or None for its own.
        intermediate_activation: of the dense layer.
        activation: of the result; None gives logits.
        layer_norm_epsilon: added to the variance in the norm.
        kernel_initializer: of the kernels.
        bias_initializer: of the biases.

    Raises:
        ValueError: when there is neither a vocabulary size nor an embedding, or they disagree.

    Example:
        >>> import numpy as np
        >>> head = MaskedLMHead(vocabulary_size=11)
        >>> head(np.ones((2, 5, 8), "float32"), mask_positions=np.array([[0, 3], [1, 2]])).shape
        (2, 2, 11)
    """

    def __init__(
        self,
        vocabulary_size: int | None = None,
        token_embedding: ReversibleEmbedding | None = None,
        intermediate_activation: str | Callable[[Any], Any] | dict[str, Any] = "relu",
        activation: str | Callable[[Any], Any] | dict[str, Any] | None = None,
        layer_norm_epsilon: float = 1e-5,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        size = None if token_embedding is None else token_embedding.input_dim
        if vocabulary_size is None and size is None:
            raise ValueError("MaskedLMHead needs a vocabulary_size or a token_embedding.")
        if size is not None and vocabulary_size not in (None, size):
            raise ValueError(
                f"vocabulary_size={vocabulary_size}, but token_embedding has {size} tokens."
            )
        self.vocabulary_size = vocabulary_size or size
        self.token_embedding = token_embedding
        self.intermediate_activation = intermediate_activation
        self.activation = activation
        self.layer_norm_epsilon = layer_norm_epsilon
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.norm = LayerNormalization(
            layer_norm_epsilon, name="transform_norm", dtype=self.dtype_policy
        )

    def build(self, inputs_shape: Shape, mask_positions_shape: Shape | None = None) -> None:
        given: dict[str, Any] = {"dtype": self.dtype_policy}
        if self.token_embedding is None:
            width = int(inputs_shape[-1] or 0)
        else:
            width = self.token_embedding.output_dim
        self.transform = Linear(
            width, True, self.kernel_initializer, self.bias_initializer, name="transform", **given
        )
        self.transform.build(inputs_shape)
        self.norm.build((*inputs_shape[:-1], width))
        if self.token_embedding is None:
            self.kernel = self.add_weight(
                name="kernel",
                shape=(self.vocabulary_size, width),
                initializer=self.kernel_initializer,
            )
        elif not self.token_embedding.built:
            self.token_embedding.build()
        self.bias = self.add_weight(
            name="bias", shape=(self.vocabulary_size,), initializer=self.bias_initializer
        )

    def call(self, inputs: Any, mask_positions: Any = None) -> Any:
        x = inputs
        if mask_positions is not None:
            places = ops.cast(mask_positions, "int32")[..., None]
            shape = (*ops.shape(mask_positions), inputs.shape[-1])
            x = ops.take_along_axis(x, ops.broadcast_to(places, shape), axis=1)
        x = self.norm(get_activation(self.intermediate_activation)(self.transform(x)))
        if self.token_embedding is None:
            logits = linear_product(x, self.kernel)
        else:
            logits = self.token_embedding(x, reverse=True)
        logits = logits + ops.cast(self.bias, logits.dtype)
        return logits if self.activation is None else get_activation(self.activation)(logits)

    def compute_mask(self, inputs: Any, previous: Any = None) -> None:
        """That of the inputs is of other places than those that are predicted."""

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "token_embedding": serialize(self.token_embedding),
            "intermediate_activation": serialize(self.intermediate_activation),
            "activation": serialize(self.activation),
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MaskedLMHead":
        embedding = config.get("token_embedding")
        if isinstance(embedding, dict):
            embedding = keras.saving.deserialize_keras_object(embedding)
        return cls(**{**config, "token_embedding": embedding})
