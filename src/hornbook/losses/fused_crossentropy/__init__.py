"""The cross-entropy of projected hidden states, its gradient made in the same pass, in pieces.

A piece's logits stay in the cache: made by one product, turned into probabilities where they are,
and multiplied into the gradients of both factors by two more. Nothing is computed twice, and the
logits of the whole batch never exist. The plain form in the tests gives the same numbers.
"""

from typing import Any

import keras
from keras import ops

PIECE_TOKENS = 512
"""As many tokens are projected at once: 10 MB of logits for a vocabulary of 5,000."""


def fused_crossentropy(
    hidden: Any,
    kernel: Any,
    labels: Any,
    weights: Any,
    bias: Any = None,
    piece_tokens: int = PIECE_TOKENS,
) -> tuple[Any, Any]:
    """Computes the weighted sum of `-log softmax(hidden @ kernel.T + bias)[label]`, in float32.

    Args:
        hidden: [batch, length, features], of any floating type.
        kernel: [vocabulary, features], of the same type.
        labels: int32 [batch, length], each in `[0, vocabulary)`.
        weights: float32 [batch, length].
        bias: [vocabulary], of the same type as the kernel, or None.
        piece_tokens: about as many tokens are projected at once.

    Returns:
        The sum, a scalar with gradients to `hidden`, `kernel` and `bias`, and the tokens' losses
        [batch, length] without gradients, both float32.

    Example:
        >>> hidden, kernel = keras.ops.zeros((1, 2, 3)), keras.ops.zeros((4, 3))
        >>> labels, weights = keras.ops.zeros((1, 2), "int32"), keras.ops.ones((1, 2))
        >>> round(float(fused_crossentropy(hidden, kernel, labels, weights)[0]), 4)
        2.7726
    """
    labels = ops.cast(labels, "int32")
    weights = ops.cast(weights, "float32")
    backend = keras.backend.backend()
    if backend == "jax":
        from hornbook.losses.fused_crossentropy.jax import fused
    elif backend == "torch":
        from hornbook.losses.fused_crossentropy.torch import fused
    else:
        from hornbook.losses.fused_crossentropy.tensorflow import fused
    return fused(hidden, kernel, bias, labels, weights, piece_tokens)
