"""Attention scores from how far a key stands from a query, by products with vectors of distances.

What all layers share, the vectors of the distances, is made once by a context brick; in each layer
a brick of its `Attention` makes scores of them.
"""

from typing import Any, ClassVar

import keras
from keras import ops


def relative_scores(queries: Any, distances: Any) -> Any:
    """The product of each query with the vector of each key's distance from it.

    Follows Dai et al., "Transformer-XL" (2019), in how the products are moved to their keys.

    Args:
        queries: [batch, length, heads, head_dim].
        distances: [1, 2 * length, heads, head_dim], the vectors of the distances `length`,
            `length - 1` ... `1 - length`, where a distance is query position minus key position.

    Returns:
        [batch, heads, length, length], in the dtype of the queries.

    Example:
        >>> import numpy as np
        >>> vectors = np.arange(2.0, -2.0, -1.0).reshape(1, 4, 1, 1)
        >>> relative_scores(np.ones((1, 2, 1, 1)), vectors)[0, 0].tolist()
        [[0.0, -1.0], [1.0, 0.0]]
    """
    batch, length, heads, _ = ops.shape(queries)
    products = ops.matmul(ops.transpose(queries, (0, 2, 1, 3)), _keys(distances))
    # A row of 2 * length products, read from the flat array one position later for each query.
    shifted = ops.reshape(products, (batch, heads, 2 * length, length))[:, :, 1:, :]
    shifted = ops.reshape(shifted, (batch, heads, length, 2 * length - 1))
    return shifted[:, :, :, :length]


def _keys(vectors: Any) -> Any:
    """[1, count, heads, head_dim] as [1, heads, head_dim, count]."""
    return ops.transpose(vectors, (0, 2, 3, 1))


def heads_of(inputs: Any, heads: int) -> Any:
    """[1, count, features] as [1, count, heads, head_dim]."""
    _, count, features = ops.shape(inputs)
    return ops.reshape(inputs, (1, count, heads, features // heads))


class AttentionContext(keras.layers.Layer):
    """What every layer's attention is given beside hidden states and mask: base class.

    A backbone calls it with a dict of the inputs that it names, and hands on what it returns.

    Attributes:
        reads: the names of the inputs.
        optional: those of them that may be left out, and then are None.
    """

    reads: ClassVar[tuple[str, ...]]
    optional: ClassVar[tuple[str, ...]] = ()
