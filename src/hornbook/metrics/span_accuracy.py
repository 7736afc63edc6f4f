"""The share of spans whose first and last token are both found."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hornbook")
class SpanAccuracy(keras.metrics.MeanMetricWrapper):
    """Counts the spans whose first and last token are both right.

    `update_state` takes `y_true` integers [batch, 2], the tokens' positions, `y_pred` logits
    [batch, 2, length] and `sample_weight` None or [batch].

    Args:
        name: the metric's name in logs.
        dtype: the dtype of the result.

    Example:
        >>> import numpy as np
        >>> accuracy = SpanAccuracy()
        >>> accuracy.update_state(np.array([[0, 1]]), np.array([[[9.0, 0.0], [0.0, 9.0]]]))
        >>> float(accuracy.result())
        1.0
    """

    def __init__(self, name: str = "span_accuracy", dtype: Any = None) -> None:
        super().__init__(_both_right, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        return {"name": self.name, "dtype": self.dtype}


def _both_right(y_true: Any, y_pred: Any) -> Any:
    found = ops.argmax(y_pred, axis=-1)
    right = ops.equal(ops.cast(found, "int32"), ops.cast(y_true, "int32"))
    return ops.cast(ops.all(right, axis=-1), "float32")
