"""Embeddings of tokens and of positions."""

from typing import Any

import keras
from keras import ops

from hornbook.layers.initializer import own_initializer
from hornbook.layers.likeliest_product import output_product
from hornbook.layers.lookup import look_up
from hornbook.layers.positions import token_positions


@keras.saving.register_keras_serializable(package="hornbook")
class ReversibleEmbedding(keras.layers.Layer):
    """Looks token ids up, and with `reverse=True` projects hidden states back to the vocabulary.

    The variable is `embeddings` [input_dim, output_dim]; the projection is tied to it (Press and
    Wolf, "Using the Output Embedding to Improve Language Models", 2016), unless `tie_weights` is
    false, which adds `reverse_embeddings` of the same shape.

    Call arguments: int [batch, length], giving [batch, length, output_dim]; or with
    `reverse=True`, [batch, length, output_dim], giving [batch, length, input_dim].

    Args:
        input_dim: number of tokens.
        output_dim: width of the vectors.
        tie_weights: whether the projection back uses the same matrix.
        embeddings_initializer: of both matrices.
        embeddings_regularizer: of the embeddings.
        embeddings_constraint: of the embeddings.
        mask_zero: whether id 0 is padding, which later layers then leave out.
        reverse_dtype: the dtype that the projection is computed in; the compute dtype by default.

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
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = mask_zero
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.tie_weights = tie_weights
        self.embeddings_initializer = own_initializer(embeddings_initializer)
        self.embeddings_regularizer = keras.regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = keras.constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.reverse_dtype = reverse_dtype

    def build(self, inputs_shape: Any = None) -> None:
        shape = (self.input_dim, self.output_dim)
        self.embeddings = self.add_weight(
            name="embeddings",
            autocast=False,
            shape=shape,
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=shape,
                initializer=own_initializer(self.embeddings_initializer),
            )

    @property
    def reverse_kernel(self) -> Any:
        """The matrix of the projection back."""
        return self.embeddings if self.tie_weights else self.reverse_embeddings

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if reverse:
            dtype = self.reverse_dtype or self.compute_dtype
            kernel = ops.cast(self.reverse_kernel, dtype)
            return output_product(self, ops.cast(inputs, dtype), kernel)
        outputs = look_up(self.embeddings, ops.cast(inputs, "int32"))
        return ops.cast(outputs, self.compute_dtype)

    def compute_mask(self, inputs: Any, previous: Any = None) -> Any:
        if not self.mask_zero or "float" in keras.backend.standardize_dtype(inputs.dtype):
            return previous
        return ops.not_equal(inputs, 0)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "tie_weights": self.tie_weights,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": keras.regularizers.serialize(self.embeddings_regularizer),
            "embeddings_constraint": keras.constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
            "reverse_dtype": self.reverse_dtype,
        }


@keras.saving.register_keras_serializable(package="hornbook")
class PositionEmbedding(keras.layers.Layer):
    """Looks up one learned vector a position, as in Devlin et al., "BERT" (2018).

    The variable is `embeddings` [offset + sequence_length, features].

    Call arguments: `inputs` [batch, length, features], used for their shape; `start_index`, the
    position of the first token; `positions`, int32 [batch or 1, length], instead of counting.
    Returns [batch, length, features], or as many rows as positions were given.

    Args:
        sequence_length: the number of positions.
        initializer: of the embeddings.
        offset: rows before the first position's, which checkpoints keep and nothing looks up.

    Example:
        >>> import numpy as np
        >>> PositionEmbedding(8)(np.ones((2, 3, 5), "float32")).shape
        (2, 3, 5)
    """

    def __init__(
        self,
        sequence_length: int,
        initializer: Any = "glorot_uniform",
        *,
        offset: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.sequence_length = sequence_length
        self.initializer = own_initializer(initializer)
        self.offset = offset

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        length = inputs_shape[1]
        if length is not None and length > self.sequence_length:
            raise ValueError(
                f"The inputs have {length} tokens; the embedding has {self.sequence_length} "
                "positions."
            )
        self.embeddings = self.add_weight(
            name="embeddings",
            autocast=False,
            shape=(self.offset + self.sequence_length, inputs_shape[-1]),
            initializer=self.initializer,
        )

    def call(self, inputs: Any, start_index: Any = 0, positions: Any = None) -> Any:
        if positions is not None:
            return self._vectors(positions)
        outputs = self._vectors(token_positions(ops.shape(inputs)[1], start_index))
        return ops.broadcast_to(outputs, ops.shape(inputs))

    def _vectors(self, positions: Any) -> Any:
        rows = positions + self.offset if self.offset else positions
        return ops.cast(look_up(self.embeddings, rows), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "initializer": keras.initializers.serialize(self.initializer),
            "offset": self.offset,
        }


@keras.saving.register_keras_serializable(package="hornbook")
class TokenAndPositionEmbedding(keras.layers.Layer):
    """Adds a learned vector of the token and one of its position.

    Follows `keras_nlp`'s layer. Call arguments: int [batch, length]; `start_index`, the position of
    the first token. Returns [batch, length, embedding_dim].

    Args:
        vocabulary_size: number of tokens.
        sequence_length: number of positions.
        embedding_dim: width of the vectors.
        tie_weights: whether `token_embedding(x, reverse=True)` uses the same matrix.
        embeddings_initializer: of both embeddings.
        mask_zero: whether id 0 is padding, which later layers then leave out.

    Example:
        >>> import numpy as np
        >>> layer = TokenAndPositionEmbedding(5000, 128, 256)
        >>> layer(np.array([[1, 2, 3]])).shape, layer.count_params()
        ((1, 3, 256), 1312768)
    """

    def __init__(
        self,
        vocabulary_size: int,
        sequence_length: int,
        embedding_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        mask_zero: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.token_embedding = ReversibleEmbedding(
            vocabulary_size,
            embedding_dim,
            tie_weights,
            embeddings_initializer,
            mask_zero=mask_zero,
            dtype=self.dtype_policy,
            name="token_embedding",
        )
        self.position_embedding = PositionEmbedding(
            sequence_length, embeddings_initializer, dtype=self.dtype_policy,
            name="position_embedding",
        )  # fmt: skip

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        self.token_embedding.build(inputs_shape)
        self.position_embedding.build((*inputs_shape, self.token_embedding.output_dim))

    def call(self, inputs: Any, start_index: Any = 0) -> Any:
        tokens = self.token_embedding(inputs)
        return tokens + self.position_embedding(tokens, start_index=start_index)

    def compute_mask(self, inputs: Any, previous: Any = None) -> Any:
        return self.token_embedding.compute_mask(inputs, previous)

    def get_config(self) -> dict[str, Any]:
        tokens = self.token_embedding.get_config()
        return {
            **super().get_config(),
            "vocabulary_size": tokens["input_dim"],
            "sequence_length": self.position_embedding.sequence_length,
            "embedding_dim": tokens["output_dim"],
            **{k: tokens[k] for k in ("tie_weights", "embeddings_initializer", "mask_zero")},
        }
