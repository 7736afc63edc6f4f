"""The states of some of a sequence's tokens."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hornbook")
class TokenSelection(keras.layers.Layer):
    """Takes the states that stand at given positions of each row.

    Call arguments: hidden states [batch, length, features] and positions, int [batch, selected].
    Returns [batch, selected, features].

    Example:
        >>> import numpy as np
        >>> states = np.array([[[1.0], [2.0], [3.0]]])
        >>> TokenSelection()(states, np.array([[2, 0]])).tolist()
        [[[3.0], [1.0]]]
    """

    def call(self, inputs: Any, positions: Any) -> Any:
        shape = (*ops.shape(positions), inputs.shape[-1])
        places = ops.broadcast_to(ops.cast(positions, "int32")[..., None], shape)
        return ops.take_along_axis(inputs, places, axis=1)

    def compute_output_shape(self, inputs_shape: Any, positions_shape: Any) -> tuple[Any, ...]:
        return (*positions_shape, inputs_shape[-1])

    def compute_mask(self, inputs: Any, positions: Any = None, previous: Any = None) -> None:
        """That of the inputs is of other places."""
