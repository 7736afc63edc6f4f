"""A learned bias of attention scores for each distance between tokens."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from hornbook.layers.initializer import own_initializer
from hornbook.layers.lookup import look_up


@keras.saving.register_keras_serializable(package="hornbook")
class RelativePositionBias(keras.layers.Layer):
    """What is added to a score for the distance from the query to the key, one value a head.

    Near distances have a value each, far ones share those of buckets that grow with the logarithm
    of the distance. Follows Raffel et al., "Exploring the Limits of Transfer Learning" (T5, 2019).
    The variable is `embeddings` [num_buckets, num_heads].

    Call arguments: `positions`, int32 [batch or 1, length]. Returns [batch or 1, num_heads, length,
    length], an `attention_bias`.

    Args:
        num_heads: query heads.
        num_buckets: how many values a head has; half of them are for keys after the query.
        max_distance: from this on, all distances have the last value.
        initializer: of the values.

    Example:
        >>> import numpy as np
        >>> RelativePositionBias(num_heads=3)(np.arange(5)[None]).shape
        (1, 3, 5, 5)
    """

    def __init__(
        self,
        num_heads: int,
        num_buckets: int = 32,
        max_distance: int = 128,
        initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.initializer = own_initializer(initializer)

    def build(self, positions_shape: tuple[int | None, ...]) -> None:
        self.embeddings = self.add_weight(
            name="embeddings",
            autocast=False,
            shape=(self.num_buckets, self.num_heads),
            initializer=self.initializer,
        )

    def call(self, positions: Any) -> Any:
        positions = ops.cast(positions, "int32")
        distances = positions[:, None, :] - positions[:, :, None]
        buckets = distance_buckets(self.num_buckets // 2, self.max_distance)
        near = ops.minimum(ops.abs(distances), self.max_distance)
        found = ops.take(ops.convert_to_tensor(buckets), near, axis=0)
        found = ops.where(distances > 0, found + self.num_buckets // 2, found)
        bias = look_up(self.embeddings, found)
        return ops.cast(ops.transpose(bias, (0, 3, 1, 2)), self.compute_dtype)

    def compute_output_shape(self, positions_shape: tuple[int | None, ...]) -> tuple[Any, ...]:
        rows, length = positions_shape
        return (rows, self.num_heads, length, length)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "num_buckets": self.num_buckets,
            "max_distance": self.max_distance,
            "initializer": keras.initializers.serialize(self.initializer),
        }


def distance_buckets(num_buckets: int, max_distance: int) -> np.ndarray:
    """The bucket of each distance from 0 to `max_distance`, int32.

    The first half of the buckets are of one distance each.

    Example:
        >>> distance_buckets(4, 8).tolist()
        [0, 1, 2, 2, 3, 3, 3, 3, 3]
    """
    exact = num_buckets // 2
    distances = np.arange(max_distance + 1)
    # In float32, as originals have it: a bucket's border can be off by the rounding.
    ratio = np.log(np.maximum(distances, 1).astype("float32") / np.float32(exact))
    ratio = ratio / np.float32(math.log(max_distance / exact)) * np.float32(num_buckets - exact)
    far = np.minimum(exact + ratio.astype("int32"), num_buckets - 1)
    return np.where(distances < exact, distances, far).astype("int32")
