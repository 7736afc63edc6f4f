"""How much each token counts: given weights and a masked label, as one float array."""

from typing import Any

from keras import ops


def token_weights(labels: Any, sample_weight: Any = None, mask_token_id: int | None = None) -> Any:
    """Combines sample weights with a label that is not counted.

    Args:
        labels: integers [batch, ...].
        sample_weight: None, or one weight a row [batch], or one a token [batch, ...].
        mask_token_id: tokens with this label weigh nothing.

    Returns:
        float32 of the labels' shape, or None where every token counts alike.
    """
    kept = None
    if mask_token_id is not None:
        kept = ops.cast(ops.not_equal(labels, mask_token_id), "float32")
    if sample_weight is None:
        return kept
    weights = ops.cast(sample_weight, "float32")
    while len(weights.shape) < len(labels.shape):
        weights = ops.expand_dims(weights, -1)
    return ops.broadcast_to(weights, ops.shape(labels)) if kept is None else weights * kept
