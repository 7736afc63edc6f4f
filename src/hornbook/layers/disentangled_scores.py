"""Disentangled attention: content and distance meet through the same projections."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from hornbook.layers.dropout import optional_dropout
from hornbook.layers.initializer import own_initializer
from hornbook.layers.relative_scores import AttentionContext, heads_of, relative_scores


@keras.saving.register_keras_serializable(package="hornbook")
class DistanceEmbedding(AttentionContext):
    """Learned vectors of distances, which far away share one by logarithmic buckets.

    Follows He et al., "DeBERTa" (2020) and "DeBERTaV3" (2021). Variables are `position_embedding`
    [2 * span, hidden_dim] and those of the norm, `embedding_norm`.

    Call arguments: a dict with `token_ids` [batch, length], used for their shape. Returns the
    vectors [2 * span, hidden_dim] and int32 [2 * length], which vector is that of the distances
    `length` ... `1 - length`.

    Args:
        hidden_dim: the vectors' width.
        max_distance: the greatest distance that is told from others.
        buckets: how many vectors there are to each side; None for one a distance.
        norm: of the vectors, or None.
        initializer: of the vectors.

    Example:
        >>> import numpy as np
        >>> _, index = DistanceEmbedding(4, max_distance=2)({"token_ids": np.zeros((1, 3))})
        >>> index.tolist()
        [3, 3, 3, 2, 1, 0]
    """

    reads = ("token_ids",)

    def __init__(
        self,
        hidden_dim: int,
        max_distance: int,
        buckets: int | None = None,
        norm: keras.layers.Layer | None = None,
        initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.max_distance = max_distance
        self.buckets = buckets
        self.norm = norm
        self.initializer = own_initializer(initializer)
        self.span = buckets or max_distance
        self.index = distance_buckets(max_distance, buckets)
        self.position_embedding = keras.layers.Embedding(
            2 * self.span, hidden_dim, self.initializer, name="position_embedding",
            dtype=self.dtype_policy,
        )  # fmt: skip

    def build(self, inputs_shape: Any) -> None:
        if not self.position_embedding.built:
            self.position_embedding.build()
        if self.norm is not None and not self.norm.built:
            self.norm.build((None, self.hidden_dim))

    def call(self, inputs: dict[str, Any]) -> tuple[Any, Any]:
        length = ops.shape(inputs["token_ids"])[1]
        limit = len(self.index) // 2
        distances = ops.clip(length - ops.arange(2 * length, dtype="int32"), -limit, limit)
        index = ops.take(ops.convert_to_tensor(self.index), distances + limit)
        vectors = ops.cast(self.position_embedding.embeddings, self.compute_dtype)
        return (vectors if self.norm is None else self.norm(vectors)), index

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "max_distance": self.max_distance,
            "buckets": self.buckets,
            "norm": keras.saving.serialize_keras_object(self.norm),
            "initializer": keras.initializers.serialize(self.initializer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DistanceEmbedding":
        norm = keras.saving.deserialize_keras_object(config.get("norm"))
        return cls(**{**config, "norm": norm})


def distance_buckets(max_distance: int, buckets: int | None) -> np.ndarray:
    """The row of each distance's vector, int32 [2 * limit + 1] for distances `-limit ... limit`.

    Distances beyond the limit have the rows at the ends. With buckets, the near half of them are a
    distance each and the far half widen by a constant factor (He et al., "DeBERTaV3", 2021).
    """
    span = buckets or max_distance
    if buckets is None:
        return np.clip(np.arange(2 * span + 1), 0, 2 * span - 1).astype("int32")
    middle = np.float32(buckets // 2)
    growth = np.log(np.float32(max_distance - 1) / middle)
    limit = max_distance
    while True:
        distance = np.arange(1, limit + 1, dtype="float32")
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.ceil(np.log(distance / middle) / growth * (middle - 1)) + middle
        bucket = np.where(distance <= middle, distance, far)
        if bucket[-1] >= span or limit > 64 * max_distance:
            break
        limit *= 2
    around = np.concatenate([-bucket[::-1], [0], bucket])
    return np.clip(around + span, 0, 2 * span - 1).astype("int32")


@keras.saving.register_keras_serializable(package="hornbook")
class DisentangledScores(keras.layers.Layer):
    """Scores of queries with distances, and of keys with distances, through the same projections.

    Follows He et al., "DeBERTa" (2020). Has no variables: the vectors of `DistanceEmbedding` are
    projected as the tokens are.

    Call arguments: `query` [batch, length, heads, head_dim], `key` [batch, heads, length,
    head_dim], `context` as `DistanceEmbedding` makes it, and `project_query` and `project_key`,
    the projections of the attention. Returns [batch, heads, length, length], not yet scaled.

    Args:
        content_to_position: whether queries are multiplied with projected keys of distances.
        position_to_content: whether keys are multiplied with projected queries of distances.
        dropout: rate on the vectors, in training.
    """

    def __init__(
        self,
        content_to_position: bool = True,
        position_to_content: bool = True,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.content_to_position = content_to_position
        self.position_to_content = position_to_content
        self.dropout_rate = dropout
        self.dropout = optional_dropout(dropout, self.dtype_policy)

    def build(self, inputs_shape: Any) -> None:
        """There is nothing to build."""

    def call(
        self,
        query: Any,
        key: Any,
        *,
        context: tuple[Any, Any],
        project_query: Callable[[Any], Any],
        project_key: Callable[[Any], Any],
    ) -> Any:
        vectors, index = context
        if self.dropout is not None:
            vectors = self.dropout(vectors)
        rows = ops.take(vectors, index, axis=0)[None]
        heads = query.shape[2]
        scores: Any = 0.0
        if self.content_to_position:
            scores = relative_scores(query, heads_of(project_key(rows), heads))
        if self.position_to_content:
            # Seen from the keys, distances have the other sign: rows in reverse, but for the ends.
            back = ops.concatenate([rows[:, -1:], ops.flip(rows[:, 1:], axis=1)], axis=1)
            of_keys = relative_scores(
                ops.transpose(key, (0, 2, 1, 3)), heads_of(project_query(back), heads)
            )
            scores = scores + ops.transpose(of_keys, (0, 1, 3, 2))
        return scores

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "content_to_position": self.content_to_position,
            "position_to_content": self.position_to_content,
            "dropout": self.dropout_rate,
        }
