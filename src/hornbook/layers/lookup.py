"""Rows of a table that is trained."""

from typing import Any

import keras
from keras import ops


def look_up(table: Any, rows: Any) -> Any:
    """Takes rows of a table, whose gradient is the table's sum over equal rows.

    TensorFlow's own gradient lists rows, and one of them as often as it was taken: Keras's
    optimizers square and clip such a list's parts and not their sums, which trains it differently
    than on other backends (docs/decisions/lookup.md).

    Args:
        table: float [number, ...]; a variable that casts itself to half precision sums so, too.
        rows: int32 of any shape, each in `[-number, number)`.

    Returns:
        [*rows.shape, ...], of the table's dtype.

    Example:
        >>> look_up(keras.ops.convert_to_tensor([[1.0], [2.0]]), [1, 0, 1]).tolist()
        [[2.0], [1.0], [2.0]]
    """
    if keras.backend.backend() == "tensorflow":
        return _tensorflow(table, ops.convert_to_tensor(rows))
    return ops.take(table, rows, axis=0)


def _tensorflow(table: Any, rows: Any) -> Any:
    import tensorflow as tf

    table = tf.convert_to_tensor(table)  # a variable wants a gradient of another kind
    number = tf.shape(table)[0]
    rows = tf.where(rows < 0, rows + tf.cast(number, rows.dtype), rows)

    @tf.custom_gradient
    def taken(table: Any) -> Any:
        def backward(gradient: Any) -> Any:
            parts = tf.reshape(gradient, (-1, *table.shape[1:]))
            return tf.math.unsorted_segment_sum(parts, tf.reshape(rows, (-1,)), number)

        return tf.gather(table, rows), backward

    return taken(table)
