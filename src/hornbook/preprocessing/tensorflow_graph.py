"""Preprocessing on tensors of TensorFlow, inside `tf.data` graphs too. It is imported on use."""

from collections.abc import Callable, Sequence
from typing import Any


def call(
    function: Callable[..., tuple[Any, ...]],
    columns: Sequence[Any],
    dtypes: Sequence[str],
    length: int | None,
) -> list[Any]:
    """Runs a numpy function on string tensors.

    Args:
        function: takes the columns' values and gives one array [*column's shape, length] a dtype.
        columns: string tensors of one shape.
        dtypes: of the results.
        length: the results' last dimension where it is known beforehand.

    Returns:
        Tensors with the static shape [*column's shape, length].
    """
    import tensorflow as tf

    results = tf.numpy_function(function, list(columns), list(dtypes), stateful=False)
    return [tf.ensure_shape(result, [*columns[0].shape, length]) for result in results]
