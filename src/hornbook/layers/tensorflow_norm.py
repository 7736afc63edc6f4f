"""Norms over the last axis on TensorFlow, with their gradient written out.

TensorFlow's own gradient passes over the inputs for each step of the formula, and sums over rows
slowly. This one makes its sums by products with vectors: a norm and its gradient take 0.7 of the
time.
"""

from typing import Any

import tensorflow as tf


def tensorflow_layer_norm(inputs: Any, scale: Any, bias: Any, epsilon: float) -> Any:
    """See `layer_norm_reference`."""

    @tf.custom_gradient
    def norm(inputs: Any, scale: Any, *bias: Any) -> Any:
        x = tf.cast(inputs, tf.float32)
        centred = x - tf.reduce_mean(x, -1, keepdims=True)
        root = _inverse_root(centred, epsilon)
        normed = centred * root
        outputs = normed * tf.cast(scale, tf.float32)
        for addend in bias:
            outputs = outputs + tf.cast(addend, tf.float32)

        def backward(gradient: Any) -> tuple[Any, ...]:
            gradients = _gradients(gradient, normed, root, scale, has_mean=True)
            pairs = zip(gradients, (inputs, scale, *bias), strict=False)
            return tuple(tf.cast(ours, given.dtype) for ours, given in pairs)

        return tf.cast(outputs, inputs.dtype), backward

    parameters = (scale,) if bias is None else (scale, bias)
    return norm(inputs, *map(tf.convert_to_tensor, parameters))


def tensorflow_rms_norm(inputs: Any, scale: Any, epsilon: float, dtype: str) -> Any:
    """See `rms_norm_reference`."""

    @tf.custom_gradient
    def norm(inputs: Any, scale: Any) -> Any:
        x = tf.cast(inputs, tf.float32)
        root = _inverse_root(x, epsilon)
        normed = x * root
        outputs = tf.cast(tf.cast(normed, scale.dtype) * scale, dtype)

        def backward(gradient: Any) -> tuple[Any, Any]:
            ours, of_scale, _ = _gradients(gradient, normed, root, scale, has_mean=False)
            return tf.cast(ours, inputs.dtype), tf.cast(of_scale, scale.dtype)

        return outputs, backward

    return norm(inputs, tf.convert_to_tensor(scale))


def _inverse_root(x: Any, epsilon: float) -> Any:
    """One over the root of the mean square [..., 1]."""
    return tf.math.rsqrt(tf.reduce_mean(tf.square(x), -1, keepdims=True) + epsilon)


def _gradients(
    gradient: Any, normed: Any, root: Any, scale: Any, has_mean: bool
) -> tuple[Any, Any, Any]:
    """In float32, to the inputs [..., features], the scale and the bias [features].

    `has_mean` is whether the inputs' mean was subtracted from them.
    """
    shape, width = tf.shape(normed), normed.shape[-1]
    gradient = tf.reshape(tf.cast(gradient, tf.float32), (-1, width))
    normed = tf.reshape(normed, (-1, width))
    products = gradient * normed
    ones = tf.ones((1, tf.shape(normed)[0]))
    scale = tf.cast(scale, tf.float32)
    mean = scale[:, None] / width
    change = gradient * scale - normed * tf.matmul(products, mean)
    if has_mean:
        change = change - tf.matmul(gradient, mean)
    change = tf.reshape(change * tf.reshape(root, (-1, 1)), shape)
    return change, tf.matmul(ones, products)[0], tf.matmul(ones, gradient)[0]
