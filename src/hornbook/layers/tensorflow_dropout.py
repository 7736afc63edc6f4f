"""Dropout on TensorFlow by random words that are computed where they are used."""

from functools import cache, partial
from typing import Any

import tensorflow as tf

from hornbook.layers.tensorflow_fusion import fused
from hornbook.layers.threefry import least_word, threefry


def tensorflow_dropout(inputs: Any, seed: Any, rate: float) -> Any:
    """Zeros and the other numbers, divided by `1 - rate`, in the dtype of the inputs."""
    drop = _program(rate)
    seed = tf.cast(seed, tf.uint32)

    @tf.custom_gradient
    def dropped(inputs: Any) -> Any:
        return drop(inputs, seed), lambda gradient: drop(gradient, seed)

    return dropped(inputs)


@cache
def _program(rate: float) -> Any:
    @partial(fused, smallest=0)  # it is a hundred calls
    def drop(inputs: Any, seed: Any) -> Any:
        wide = tf.cast(inputs, tf.float32)
        outputs = tf.where(kept(tf.shape(inputs), seed, rate), wide / (1 - rate), 0.0)
        return tf.cast(outputs, inputs.dtype)

    return drop


def kept(shape: Any, seed: Any, rate: float) -> Any:
    """Bool of a shape, false with probability `rate`; the same for the same seed, uint32 [2]."""
    rows = shape[0]
    columns = tf.range(tf.reduce_prod(shape[1:]))
    columns = tf.broadcast_to(tf.cast(columns, tf.uint32), (rows, tf.size(columns)))
    rows = tf.broadcast_to(tf.cast(tf.range(rows), tf.uint32)[:, None], tf.shape(columns))
    words, _ = threefry((seed[0], seed[1]), (columns, rows), _rotate, _word)
    return tf.reshape(words >= _word(least_word(rate)), shape)


def _rotate(words: Any, by: int) -> Any:
    left = tf.bitwise.left_shift(words, _word(by))
    return tf.bitwise.bitwise_or(left, tf.bitwise.right_shift(words, _word(32 - by)))


def _word(number: int) -> Any:
    return tf.constant(number, tf.uint32)
