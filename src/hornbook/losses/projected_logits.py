"""Logits that need not exist: hidden states and the matrix that makes logits of them.

The logits of a batch are the largest tensor of a training step (82 MB for 32 x 128 tokens and a
vocabulary of 5,000), and Keras's way of handing them to the loss, back, and to each metric reads
and writes them many times. A model that hands on `ProjectedLogits` instead leaves it to the loss
to make them piece by piece; a metric that needs each token's loss finds it there.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops
from keras.src.losses.loss import scale_loss_for_distribution

from hornbook.layers.linear_product import linear_product
from hornbook.losses.fused_crossentropy import fused_crossentropy


class ProjectedLogits:
    """`hidden @ kernel.T + bias`, computed when it is needed and only as far as it is.

    Args:
        hidden: [batch, length, features].
        kernel: [vocabulary, features], the layout of `Linear` and of embeddings.
        bias: [vocabulary], or None.
        mask: [batch, length], Keras's mask of the hidden states, which the loss minds, or None.
        losses: what `token_losses` found before, by the label that is masked.

    Example:
        >>> import numpy as np
        >>> logits = ProjectedLogits(np.ones((1, 2, 3), "float32"), np.ones((4, 3), "float32"))
        >>> logits.shape
        (1, 2, 4)
    """

    def __init__(
        self,
        hidden: Any,
        kernel: Any,
        bias: Any = None,
        mask: Any = None,
        losses: dict[int | None, Any] | None = None,
    ) -> None:
        self.hidden = hidden
        self.kernel = kernel
        self.bias = bias
        self.mask = mask
        self.losses = {} if losses is None else losses

    @property
    def shape(self) -> tuple[Any, ...]:
        """[batch, length, vocabulary]."""
        return (*self.hidden.shape[:-1], self.kernel.shape[0])

    @property
    def dtype(self) -> str:
        """That of the hidden states."""
        return keras.backend.standardize_dtype(self.hidden.dtype)

    def mean_crossentropy(self, labels: Any, weights: Any, mask_token_id: int | None) -> Any:
        """`sum(weights * crossentropy) / sum(weights)`, with gradients to all factors.

        Args:
            labels: int32 [batch, length], each in the vocabulary.
            weights: float32 [batch, length], or None where all tokens count alike.
            mask_token_id: under which label the tokens' losses are remembered.
        """
        if weights is None:
            weights = ops.ones_like(labels, dtype="float32")
        if self.mask is not None:
            weights = weights * ops.cast(self.mask, "float32")
        # As Keras reduces: a batch in which nothing counts has the loss 0.
        weights = ops.divide_no_nan(weights, ops.sum(weights))
        loss, losses = fused_crossentropy(self.hidden, self.kernel, labels, weights, self.bias)
        self.losses[mask_token_id] = losses
        return scale_loss_for_distribution(loss)

    def token_losses(
        self, labels: Any, mask_token_id: int | None, compute: Callable[[Any, Any], Any]
    ) -> Any:
        """Each token's loss [batch, length]: as remembered, else computed of the logits."""
        # Where no label was masked, every token's loss is right, whichever ones are left out now.
        known = mask_token_id if mask_token_id in self.losses else None
        if known not in self.losses:
            self.losses[mask_token_id] = compute(labels, self.logits())
            known = mask_token_id
        return self.losses[known]

    def logits(self) -> Any:
        """The logits themselves."""
        return linear_product(self.hidden, self.kernel, self.bias)


def _flatten(logits: ProjectedLogits) -> tuple[tuple[Any, ...], tuple[int | None, ...]]:
    parts = (logits.hidden, logits.kernel, logits.bias, logits.mask, *logits.losses.values())
    return parts, tuple(logits.losses)


def _unflatten(names: tuple[int | None, ...], parts: tuple[Any, ...]) -> ProjectedLogits:
    hidden, kernel, bias, mask, *losses = parts
    return ProjectedLogits(hidden, kernel, bias, mask, dict(zip(names, losses, strict=True)))


if keras.backend.backend() == "jax":
    import jax

    # So that they pass out of the function that is differentiated, to the metrics.
    jax.tree_util.register_pytree_node(ProjectedLogits, _flatten, _unflatten)
