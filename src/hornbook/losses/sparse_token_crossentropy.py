"""The loss of next-token prediction."""

from typing import Any

import keras
from keras import ops

from hornbook.losses.crossentropy import known_labels, token_crossentropy
from hornbook.losses.projected_logits import ProjectedLogits
from hornbook.losses.token_weights import token_weights


@keras.saving.register_keras_serializable(package="hornbook")
class SparseTokenCrossentropy(keras.losses.Loss):
    """Averages the cross-entropy of logits over the tokens that count.

    `sum(loss * weight) / sum(weight)` over the batch, in float32: padding, whose weight is zero,
    doesn't dilute it, as it does with the default reduction of `keras.losses`. Keras logs the mean
    of the batches' losses; `hornbook.metrics.Perplexity` averages over all tokens seen.

    Called with `y_true` integers [batch, length], `y_pred` logits [batch, length, vocabulary] and
    `sample_weight` None, [batch] or [batch, length].

    Args:
        mask_token_id: tokens with this label don't count. The label may lie outside the
            vocabulary, like -100.
        reduction: as in `keras.losses.Loss`.
        name: the loss's name.

    Example:
        >>> import numpy as np
        >>> logits = np.array([[[0.0, 0.0], [9.0, 0.0]]], "float32")
        >>> loss = SparseTokenCrossentropy(mask_token_id=1)
        >>> round(float(loss(np.array([[0, 1]]), logits)), 4)
        0.6931
    """

    def __init__(
        self,
        mask_token_id: int | None = None,
        reduction: str = "mean_with_sample_weight",
        name: str = "sparse_token_crossentropy",
    ) -> None:
        # Keras casts labels to the loss's dtype too: bfloat16 would change the ids.
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.mask_token_id = mask_token_id

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the reduced loss, a scalar."""
        labels = ops.cast(y_true, "int32")
        weights = token_weights(labels, sample_weight, self.mask_token_id)
        if isinstance(y_pred, ProjectedLogits):
            if self.reduces_by_weight:
                labels = known_labels(labels, self.mask_token_id)
                return y_pred.mean_crossentropy(labels, weights, self.mask_token_id)
            y_pred = y_pred.logits()
        return super().__call__(labels, y_pred, weights)

    @property
    def reduces_by_weight(self) -> bool:
        """Whether the reduction is the default one, which needs no logits of the whole batch."""
        return self.reduction == "mean_with_sample_weight"

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns each token's loss [batch, length]."""
        return token_crossentropy(y_true, y_pred, self.mask_token_id)

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        return {**super().get_config(), "mask_token_id": self.mask_token_id}
