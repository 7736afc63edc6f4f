"""The cross-entropy of next-token logits, one number a token: shared by the loss and perplexity."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from hornbook.losses.projected_logits import ProjectedLogits


def token_crossentropy(labels: Any, logits: Any, mask_token_id: int | None = None) -> Any:
    """Computes `-log softmax(logits)[label]` of each token, in float32.

    Neither the softmax nor a one-hot form of the labels is made, and the logits are not
    transposed. torch and TensorFlow have one call for the value and its gradient, which is used.

    Args:
        labels: integers [...]; each in `[0, vocabulary)`, or `mask_token_id`.
        logits: [..., vocabulary], of any floating type, or `ProjectedLogits`.
        mask_token_id: a label that may lie outside the vocabulary; its losses mean nothing.

    Returns:
        float32 [...], in nats.

    Example:
        >>> import numpy as np
        >>> losses = token_crossentropy(np.array([1, 0]), np.zeros((2, 4), "float32"))
        >>> [round(float(loss), 4) for loss in losses]
        [1.3863, 1.3863]
    """
    labels = known_labels(labels, mask_token_id)
    if isinstance(logits, ProjectedLogits):
        return logits.token_losses(labels, mask_token_id, token_crossentropy)
    logits = ops.cast(logits, "float32")
    return _IMPLEMENTATIONS.get(keras.backend.backend(), _logsumexp_form)(labels, logits)


def known_labels(labels: Any, mask_token_id: int | None) -> Any:
    """Labels as int32, with 0 in place of the masked one."""
    labels = ops.cast(labels, "int32")
    if mask_token_id is None:
        return labels
    return ops.where(ops.equal(labels, mask_token_id), 0, labels)


def _logsumexp_form(labels: Any, logits: Any) -> Any:
    picked = ops.take_along_axis(logits, ops.expand_dims(labels, -1), axis=-1)
    return ops.logsumexp(logits, axis=-1) - ops.squeeze(picked, -1)


def _torch_form(labels: Any, logits: Any) -> Any:
    from torch.nn import functional

    rows = logits.reshape(-1, logits.shape[-1])
    losses = functional.cross_entropy(rows, labels.reshape(-1).long(), reduction="none")
    return losses.reshape(labels.shape)


def _tensorflow_form(labels: Any, logits: Any) -> Any:
    import tensorflow as tf

    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


_IMPLEMENTATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "torch": _torch_form,
    "tensorflow": _tensorflow_form,
}
