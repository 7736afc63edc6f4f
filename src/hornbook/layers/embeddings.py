"""Embeddings of tokens and of positions."""

from typing import Any

import keras
from keras import ops

from hornbook.layers.initializer import own_initializer
from hornbook.layers.linear_product import linear_product


@keras.saving.register_keras_serializable(package="hornbook")
class ReversibleEmbedding(keras.layers.Layer):
    """Looks token ids up, and with `reverse=True` projects hidden states back to the vocabulary.

    The variable is `embeddings` [input_dim, output_dim]; the projection is tied to it (Press and
    Wolf, "Using the Output Embedding to Improve Language Models", 2016).

    Call arguments: int [batch, length], giving [batch, length, output_dim]; or with
    `reverse=True`, [batch, length, output_dim], giving [batch, length, input_dim].

    Example:
        >>> import numpy as np
        >>> embedding = ReversibleEmbedding(11, 4)
        >>> hidden = embedding(np.array([[1, 2]]))
        >>> embedding(hidden, reverse=True).shape
        (1, 2, 11)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = own_initializer(embeddings_initializer)

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
        )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if reverse:
            return linear_product(inputs, self.embeddings)
        outputs = ops.take(self.embeddings, ops.cast(inputs, "int32"), axis=0)
        return ops.cast(outputs, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }


@keras.saving.register_keras_serializable(package="hornbook")
class PositionEmbedding(keras.layers.Layer):
    """Looks up one learned vector a position, as in Devlin et al., "BERT" (2018).

    The variable is `embeddings` [sequence_length, features].

    Call arguments: `inputs` [batch, length, features], used for their shape; `positions`, int32
    [batch or 1, length], counted from 0 when absent. Returns [batch or 1, length, features].

    Example:
        >>> import numpy as np
        >>> PositionEmbedding(8)(np.ones((2, 3, 5), "float32")).shape
        (1, 3, 5)
    """

    def __init__(
        self, sequence_length: int, embeddings_initializer: Any = "glorot_uniform", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.sequence_length = sequence_length
        self.embeddings_initializer = own_initializer(embeddings_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.sequence_length, input_shape[-1]),
            initializer=self.embeddings_initializer,
        )

    def call(self, inputs: Any, positions: Any = None) -> Any:
        if positions is None:
            positions = ops.arange(ops.shape(inputs)[1], dtype="int32")[None]
        return ops.cast(ops.take(self.embeddings, positions, axis=0), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }
