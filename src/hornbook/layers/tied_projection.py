"""The projection to the vocabulary by the token embedding's own matrix, with a bias."""

from typing import Any

import keras
from keras import ops

from hornbook.layers.embeddings import ReversibleEmbedding


@keras.saving.register_keras_serializable(package="hornbook")
class TiedProjection(keras.layers.Layer):
    """Projects hidden states to the vocabulary: `inputs @ embeddings.T + bias`.

    The matrix is the embedding's (Press and Wolf, "Using the Output Embedding to Improve Language
    Models", 2016); the variable is `bias` [vocabulary]. Maps [..., features] to [..., vocabulary].

    Example:
        >>> import numpy as np
        >>> embedding = ReversibleEmbedding(11, 4)
        >>> hidden = embedding(np.array([[1, 2]]))
        >>> TiedProjection(embedding)(hidden).shape
        (1, 2, 11)
    """

    def __init__(self, token_embedding: ReversibleEmbedding, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.token_embedding = token_embedding

    def build(self, inputs_shape: Any = None) -> None:
        size = self.token_embedding.input_dim
        self.bias = self.add_weight(name="bias", shape=(size,), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        logits = self.token_embedding(inputs, reverse=True)
        return logits + ops.cast(self.bias, logits.dtype)

    def compute_output_shape(self, inputs_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*inputs_shape[:-1], self.token_embedding.input_dim)

    def get_config(self) -> dict[str, Any]:
        embedding = keras.saving.serialize_keras_object(self.token_embedding)
        return {**super().get_config(), "token_embedding": embedding}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "TiedProjection":
        embedding = keras.saving.deserialize_keras_object(config["token_embedding"])
        return cls(**{**config, "token_embedding": embedding})
