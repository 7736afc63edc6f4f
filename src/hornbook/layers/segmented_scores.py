"""Attention scores from distances and segments, each with a bias of its own."""

from typing import Any

import keras
import numpy as np
from keras import ops

from hornbook.layers.dropout import optional_dropout
from hornbook.layers.initializer import own_initializer
from hornbook.layers.linear import Linear
from hornbook.layers.relative_scores import AttentionContext, heads_of, relative_scores


@keras.saving.register_keras_serializable(package="hornbook")
class DistanceEncoding(AttentionContext):
    """Sines and cosines of distances, and which keys are of another segment than the query.

    Follows Dai et al., "Transformer-XL" (2019) and Yang et al., "XLNet" (2019). The one variable,
    `mask_embedding` [1, 1, hidden_dim], is what predicted tokens start from in pretraining: it is
    kept for checkpoints, and used nowhere.

    Call arguments: a dict with `segment_ids` [batch, length]. Returns vectors [1, 2 * length,
    hidden_dim] of the distances `length` ... `1 - length`, and bool [batch, 1, length, length].

    Args:
        hidden_dim: the vectors' width.
        max_distance: distances beyond it have its vector; None for no limit.
        dropout: rate on the vectors, in training.

    Example:
        >>> import numpy as np
        >>> vectors, other = DistanceEncoding(4)({"segment_ids": np.array([[0, 0, 1]])})
        >>> vectors.shape, other[0, 0, 0].tolist()
        ((1, 6, 4), [False, False, True])
    """

    reads = ("segment_ids",)

    def __init__(
        self,
        hidden_dim: int,
        max_distance: int | None = None,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.max_distance = max_distance
        self.dropout_rate = dropout
        self.dropout = optional_dropout(dropout, self.dtype_policy)

    def build(self, inputs_shape: Any) -> None:
        shape = (1, 1, self.hidden_dim)
        self.mask_embedding = self.add_weight(name="mask_embedding", shape=shape, trainable=False)

    def call(self, inputs: dict[str, Any]) -> tuple[Any, Any]:
        segments = inputs["segment_ids"]
        length = ops.shape(segments)[1]
        distances = ops.cast(length - ops.arange(2 * length, dtype="int32"), "float32")
        if self.max_distance is not None:
            distances = ops.clip(distances, -self.max_distance, self.max_distance)
        exponents = np.arange(0, self.hidden_dim, 2) / self.hidden_dim
        angles = ops.multiply(distances[None, :, None], (10000.0**-exponents).astype("float32"))
        vectors = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
        vectors = ops.cast(vectors, self.compute_dtype)
        if self.dropout is not None:
            vectors = self.dropout(vectors)
        return vectors, ops.not_equal(segments[:, None, :, None], segments[:, None, None, :])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "max_distance": self.max_distance,
            "dropout": self.dropout_rate,
        }


@keras.saving.register_keras_serializable(package="hornbook")
class SegmentedScores(keras.layers.Layer):
    """Scores of queries with distances and with segments, each with a bias of the query.

    Follows Yang et al., "XLNet" (2019). Variables are `position`, a `Linear` without bias, the
    biases `content_bias`, `position_bias` and `segment_bias` [heads, head_dim], and `segments`
    [2, heads, head_dim], of keys in the query's segment and of others.

    Call arguments: `query` [batch, length, heads, head_dim], `key` [batch, heads, length,
    head_dim], and `context` as `DistanceEncoding` makes it; others are ignored. Returns
    [batch, heads, length, length], not yet scaled.

    Args:
        num_heads: attention heads.
        head_dim: the width of a head.
        initializer: of all variables.
    """

    def __init__(
        self, num_heads: int, head_dim: int, initializer: Any = "glorot_uniform", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.initializer = keras.initializers.get(initializer)
        self.position = Linear(
            num_heads * head_dim, use_bias=False, kernel_initializer=self.initializer,
            name="position", dtype=self.dtype_policy,
        )  # fmt: skip

    def build(self, inputs_shape: tuple[Any, ...]) -> None:
        self.position.build(inputs_shape)
        shape = (self.num_heads, self.head_dim)
        self.content_bias = self._weight("content_bias", shape)
        self.position_bias = self._weight("position_bias", shape)
        self.segment_bias = self._weight("segment_bias", shape)
        self.segments = self._weight("segments", (2, *shape))

    def _weight(self, name: str, shape: tuple[int, ...]) -> Any:
        return self.add_weight(
            name=name, shape=shape, initializer=own_initializer(self.initializer)
        )

    def call(self, query: Any, key: Any, *, context: tuple[Any, Any], **_: Any) -> Any:
        vectors, is_other = context
        scores = ops.sum(key * self.content_bias[:, None, :], axis=-1)[:, :, None, :]
        positions = heads_of(self.position(vectors), self.num_heads)
        scores = scores + relative_scores(query + self.position_bias, positions)
        segments = ops.transpose(self.segments, (1, 2, 0))
        products = ops.matmul(ops.transpose(query + self.segment_bias, (0, 2, 1, 3)), segments)
        return scores + ops.where(is_other, products[..., 1:], products[..., :1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "initializer": keras.initializers.serialize(self.initializer),
        }
