"""Several choices a row, for models that read one text a row."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hornbook")
class MergeChoices(keras.layers.Layer):
    """Makes a row of each choice: [batch, choices, length] to [batch * choices, length].

    Example:
        >>> import numpy as np
        >>> MergeChoices()(np.ones((2, 4, 3), "int32")).shape
        (8, 3)
    """

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, (-1, ops.shape(inputs)[-1]))

    def compute_output_spec(self, inputs: Any) -> Any:
        batch, choices, length = inputs.shape
        rows = None if batch is None or choices is None else batch * choices
        return keras.KerasTensor((rows, length), dtype=inputs.dtype)


@keras.saving.register_keras_serializable(package="hornbook")
class SplitChoices(keras.layers.Layer):
    """Puts the scores of a row's choices side by side: [batch * choices, 1] to [batch, choices].

    Call arguments: the scores, and what was merged, [batch, choices, length].

    Example:
        >>> import numpy as np
        >>> SplitChoices()(np.ones((8, 1)), np.ones((2, 4, 3))).shape
        (2, 4)
    """

    def call(self, inputs: Any, like: Any) -> Any:
        return ops.reshape(inputs, (-1, ops.shape(like)[1]))

    def compute_output_spec(self, inputs: Any, like: Any) -> Any:
        return keras.KerasTensor(like.shape[:2], dtype=inputs.dtype)
