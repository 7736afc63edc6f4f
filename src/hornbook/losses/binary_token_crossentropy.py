"""The loss of a yes or no about each token."""

from typing import Any

import keras
from keras import ops

from hornbook.losses.token_weights import token_weights


@keras.saving.register_keras_serializable(package="hornbook")
class BinaryTokenCrossentropy(keras.losses.Loss):
    """Averages the cross-entropy of one logit a token over the tokens that count.

    `sum(loss * weight) / sum(weight)` over the batch, in float32, as `SparseTokenCrossentropy`
    does; `keras.losses.BinaryCrossentropy` averages over each row first, padding and all.

    Called with `y_true` 0 or 1 [batch, length], `y_pred` logits [batch, length] and
    `sample_weight` None, [batch] or [batch, length].

    Args:
        reduction: as in `keras.losses.Loss`.
        name: the loss's name.

    Example:
        >>> import numpy as np
        >>> logits = np.array([[0.0, 9.0]], "float32")
        >>> loss = BinaryTokenCrossentropy()
        >>> round(float(loss(np.array([[1, 0]]), logits, np.array([[1.0, 0.0]]))), 4)
        0.6931
    """

    def __init__(
        self,
        reduction: str = "mean_with_sample_weight",
        name: str = "binary_token_crossentropy",
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype="float32")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the reduced loss, a scalar."""
        return super().__call__(y_true, y_pred, token_weights(y_true, sample_weight))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns each token's loss [batch, length]."""
        logits = ops.cast(y_pred, "float32")
        return ops.softplus(logits) - ops.cast(y_true, "float32") * logits
