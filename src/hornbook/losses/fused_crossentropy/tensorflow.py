"""TensorFlow: a loop over pieces in the graph, each by the call that makes loss and gradient."""

from typing import Any

import tensorflow as tf

from hornbook.losses.fused_crossentropy.in_place import is_in_place

PIECE_BYTES = 2**25
"""Pieces whose float32 logits take no more than that may be twice as long."""


def fused(
    hidden: Any, kernel: Any, bias: Any, labels: Any, weights: Any, piece_tokens: int
) -> tuple[Any, Any]:
    """See `fused_crossentropy`."""
    if bias is None:
        bias = tf.zeros(kernel.shape[:1], kernel.dtype)
    if kernel.dtype == tf.float32 and 8 * piece_tokens * kernel.shape[0] <= PIECE_BYTES:
        # Each piece adds a gradient as large as the kernel, which no product does by the way.
        piece_tokens *= 2

    @tf.custom_gradient
    def summed(hidden: Any, kernel: Any, bias: Any) -> Any:
        losses, *gradients = _run(
            (hidden, kernel, bias),
            tf.reshape(labels, (-1,)),
            tf.reshape(weights, (-1, 1)),
            piece_tokens,
        )

        def backward(upstream: Any, _: Any) -> list[Any]:
            return [gradient * tf.cast(upstream, gradient.dtype) for gradient in gradients]

        losses = tf.reshape(losses, tf.shape(labels))
        return (tf.reduce_sum(losses * weights), losses), backward

    flat = tf.reshape(hidden, (-1, hidden.shape[-1]))
    total, losses = summed(flat, tf.convert_to_tensor(kernel), tf.convert_to_tensor(bias))
    return total, tf.stop_gradient(losses)


def _run(
    factors: tuple[Any, Any, Any], labels: Any, weights: Any, piece_tokens: int
) -> tuple[Any, ...]:
    """Losses [tokens], and the gradients of their weighted sum to the three factors."""
    hidden, kernel, bias = factors
    tokens = tf.shape(hidden)[0]
    number = (tokens + piece_tokens - 1) // piece_tokens

    def cut(x: Any) -> Any:
        rest = x.shape[1:].as_list()
        x = tf.pad(x, [(0, number * piece_tokens - tokens), *[(0, 0)] * len(rest)])
        return tf.reshape(x, (number, piece_tokens, *rest))

    parts = (cut(hidden), cut(labels), cut(weights))

    def piece(
        index: Any, losses: Any, hidden_gradient: Any, kernel_gradient: Any, bias_gradient: Any
    ) -> Any:
        states, targets, weight = (part[index] for part in parts)
        logits = tf.nn.bias_add(tf.matmul(states, kernel, transpose_b=True), bias)
        loss, gradient = losses_and_gradients(tf.cast(logits, tf.float32), targets)
        # The weights go to the narrow factors: one pass less over all logits.
        bias_gradient += tf.linalg.matvec(gradient, weight[:, 0], transpose_a=True)
        gradient, weight = tf.cast(gradient, hidden.dtype), tf.cast(weight, hidden.dtype)
        product = tf.cast(tf.matmul(gradient, states * weight, transpose_a=True), tf.float32)
        return (
            index + 1,
            losses.write(index, loss),
            hidden_gradient.write(index, tf.matmul(gradient, kernel) * weight),
            kernel_gradient + product,
            bias_gradient,
        )

    start = (
        0,
        tf.TensorArray(tf.float32, number, element_shape=(piece_tokens,)),
        tf.TensorArray(hidden.dtype, number, element_shape=(piece_tokens, hidden.shape[1])),
        tf.zeros(kernel.shape, tf.float32),
        tf.zeros(bias.shape, tf.float32),
    )
    _, losses, hidden_gradient, *sums = tf.while_loop(
        lambda index, *_: index < number, piece, start
    )
    joined = (tf.reshape(losses.stack(), (-1,)), hidden_gradient.concat())
    return (*(x[:tokens] for x in joined), *(tf.cast(x, kernel.dtype) for x in sums))


def losses_and_gradients(logits: Any, labels: Any) -> tuple[Any, Any]:
    """Each row's cross-entropy [rows], and its gradient to the logits [rows, vocabulary].

    On the CPU in 0.3 of the time of TensorFlow's call for both, which doesn't use oneDNN's softmax.
    """
    probabilities = tf.nn.softmax(logits)
    of_labels = tf.gather(probabilities, labels, batch_dims=1)
    losses = tf.cond(
        tf.reduce_all(of_labels > LEAST_PROBABILITY),
        lambda: -tf.math.log(of_labels),
        lambda: _losses_of_logits(logits, probabilities, labels),
    )
    # Nobody reads the probabilities any more.
    with tf.control_dependencies([losses]):
        return losses, _less_one(probabilities, labels)


LEAST_PROBABILITY = 1e-30
"""A smaller one has lost digits, or all."""


def _losses_of_logits(logits: Any, probabilities: Any, labels: Any) -> Any:
    """The losses by the log-sum-exp, read where no probability can be 0."""
    lse = tf.reduce_max(logits, -1) - tf.math.log(tf.reduce_max(probabilities, -1))
    return lse - tf.gather(logits, labels, batch_dims=1)


def _less_one(probabilities: Any, labels: Any) -> Any:
    """Subtracts one at each row's label, in place where `probabilities_in_place` allows it."""
    rows = tf.range(tf.shape(labels)[0])
    ones = tf.ones_like(labels, probabilities.dtype)
    if not is_in_place():
        # It copies what it is given, always.
        return tf.tensor_scatter_nd_sub(probabilities, tf.stack([rows, labels], 1), ones)
    places = rows * tf.shape(probabilities)[1] + labels
    flat = tf.raw_ops.InplaceSub(x=tf.reshape(probabilities, (-1,)), i=places, v=ones)
    return tf.reshape(flat, tf.shape(probabilities))
