"""Preprocessing on tensors of TensorFlow, inside `tf.data` graphs too. It is imported on use."""

from collections.abc import Callable, Sequence
from typing import Any


def call(
    function: Callable[..., tuple[Any, ...]],
    columns: Sequence[Any],
    dtypes: Sequence[str],
    shapes: Sequence[tuple[int | None, ...]],
) -> list[Any]:
    """Runs a numpy function on string tensors.

    Args:
        function: takes the columns' values and gives one array [*column's shape, ...] a dtype.
        columns: string tensors of one shape.
        dtypes: of the results.
        shapes: what of each result's shape comes after the column's, as far as it is known.

    Returns:
        Tensors with these static shapes.
    """
    import tensorflow as tf

    results = tf.numpy_function(function, list(columns), list(dtypes), stateful=False)
    return [
        tf.ensure_shape(result, [*columns[0].shape, *shape])
        for result, shape in zip(results, shapes, strict=True)
    ]
