"""TensorFlow: a loop over pieces in the graph, each by the call that makes loss and gradient."""

from typing import Any

import tensorflow as tf


def fused(
    hidden: Any, kernel: Any, labels: Any, weights: Any, piece_tokens: int
) -> tuple[Any, Any]:
    """See `fused_crossentropy`."""

    @tf.custom_gradient
    def summed(hidden: Any, kernel: Any) -> Any:
        losses, hidden_gradient, kernel_gradient = _run(
            hidden, kernel, tf.reshape(labels, (-1,)), tf.reshape(weights, (-1, 1)), piece_tokens
        )

        def backward(upstream: Any, _: Any) -> tuple[Any, Any]:
            scale = tf.cast(upstream, hidden.dtype)
            return hidden_gradient * scale, kernel_gradient * scale

        losses = tf.reshape(losses, tf.shape(labels))
        return (tf.reduce_sum(losses * weights), losses), backward

    flat = tf.reshape(hidden, (-1, hidden.shape[-1]))
    total, losses = summed(flat, tf.convert_to_tensor(kernel))
    return total, tf.stop_gradient(losses)


def _run(
    hidden: Any, kernel: Any, labels: Any, weights: Any, piece_tokens: int
) -> tuple[Any, Any, Any]:
    """Losses [tokens], and the gradients of their weighted sum to both factors."""
    tokens = tf.shape(hidden)[0]
    number = (tokens + piece_tokens - 1) // piece_tokens

    def cut(x: Any) -> Any:
        rest = x.shape[1:].as_list()
        x = tf.pad(x, [(0, number * piece_tokens - tokens), *[(0, 0)] * len(rest)])
        return tf.reshape(x, (number, piece_tokens, *rest))

    parts = (cut(hidden), cut(labels), cut(weights))

    def piece(index: Any, losses: Any, hidden_gradient: Any, kernel_gradient: Any) -> Any:
        states, targets, weight = (part[index] for part in parts)
        logits = tf.cast(tf.matmul(states, kernel, transpose_b=True), tf.float32)
        loss, gradient = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(
            features=logits, labels=targets
        )
        gradient = tf.cast(gradient * weight, hidden.dtype)
        product = tf.cast(tf.matmul(gradient, states, transpose_a=True), tf.float32)
        return (
            index + 1,
            losses.write(index, loss),
            hidden_gradient.write(index, tf.matmul(gradient, kernel)),
            kernel_gradient + product,
        )

    arrays = (
        tf.TensorArray(tf.float32, number, element_shape=(piece_tokens,)),
        tf.TensorArray(hidden.dtype, number, element_shape=(piece_tokens, hidden.shape[1])),
    )
    start = (0, *arrays, tf.zeros(kernel.shape, tf.float32))
    _, losses, hidden_gradient, kernel_gradient = tf.while_loop(
        lambda index, *_: index < number, piece, start
    )
    joined = (tf.reshape(losses.stack(), (-1,)), hidden_gradient.concat())
    return (*(x[:tokens] for x in joined), tf.cast(kernel_gradient, kernel.dtype))
