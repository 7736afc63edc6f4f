"""Perplexity: the exponential of the mean cross-entropy of the tokens that count."""

from typing import Any

import keras
from keras import ops

from hornbook.losses.crossentropy import known_labels, token_crossentropy
from hornbook.losses.token_weights import token_weights


@keras.saving.register_keras_serializable(package="hornbook")
class Perplexity(keras.metrics.Metric):
    """Computes `exp(sum(weight * crossentropy) / sum(weight))` over all batches seen.

    Every token weighs the same whichever batch it came in, so the result depends neither on the
    batch size nor on how much padding a batch holds. Follows `keras_nlp.metrics.Perplexity`.

    In `compile`, list it under `weighted_metrics`: Keras hands sample weights, and with them the
    padding mask, to these only.

    Args:
        from_logits: whether predictions are logits; otherwise they are probabilities.
        mask_token_id: tokens with this label don't count, such as the padding id.
        name: the metric's name in logs.
        dtype: the dtype of the result; sums are kept in float32.

    `update_state` takes `y_true` integers [batch, length], `y_pred` [batch, length, vocabulary]
    and `sample_weight` None, [batch] or [batch, length].

    Example:
        >>> import numpy as np
        >>> perplexity = Perplexity(from_logits=True, mask_token_id=0)
        >>> perplexity.update_state(np.array([[1, 2, 0]]), np.zeros((1, 3, 10), "float32"))
        >>> round(float(perplexity.result()), 3)
        10.0
    """

    def __init__(
        self,
        from_logits: bool = False,
        mask_token_id: int | None = None,
        name: str = "perplexity",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.from_logits = from_logits
        self.mask_token_id = mask_token_id
        self.crossentropy = self._sum("crossentropy")
        self.tokens = self._sum("tokens")

    def _sum(self, name: str) -> Any:
        return self.add_variable(shape=(), initializer="zeros", dtype="float32", name=name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds one batch."""
        labels = ops.cast(y_true, "int32")
        weights = token_weights(labels, sample_weight, self.mask_token_id)
        measure = token_crossentropy if self.from_logits else _log_loss
        losses = measure(labels, y_pred, self.mask_token_id)
        if weights is None:
            weights = ops.ones_like(losses)
        self.crossentropy.assign_add(ops.sum(losses * weights))
        self.tokens.assign_add(ops.sum(weights))

    def result(self) -> Any:
        """Returns the perplexity of what was seen since the last reset; 0 if nothing counted."""
        mean = ops.divide_no_nan(self.crossentropy, self.tokens)
        perplexity = ops.where(ops.equal(self.tokens, 0.0), 0.0, ops.exp(mean))
        return ops.cast(perplexity, self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        return {
            **super().get_config(),
            "from_logits": self.from_logits,
            "mask_token_id": self.mask_token_id,
        }


def _log_loss(labels: Any, probabilities: Any, mask_token_id: int | None) -> Any:
    labels = known_labels(labels, mask_token_id)
    picked = ops.take_along_axis(probabilities, ops.expand_dims(labels, -1), axis=-1)
    picked = ops.cast(ops.squeeze(picked, -1), "float32")
    return -ops.log(ops.maximum(picked, keras.config.epsilon()))
