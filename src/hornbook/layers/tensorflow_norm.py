"""Norms over the last axis on TensorFlow, with their gradient written out.

TensorFlow's own gradient passes over the inputs for each step of the formula, and sums over rows
slowly. This one makes its sums by products with vectors, and is two calls where it can be fused.
"""

from typing import Any

import tensorflow as tf

from hornbook.layers.tensorflow_fusion import fused


def tensorflow_layer_norm(inputs: Any, scale: Any, bias: Any, epsilon: float) -> Any:
    """See `layer_norm_reference`."""

    @tf.custom_gradient
    def norm(inputs: Any, scale: Any, *bias: Any) -> Any:
        outputs, mean, root = _layer_norm(inputs, tf.constant(epsilon), scale, *bias)

        def backward(gradient: Any) -> tuple[Any, ...]:
            gradients = _layer_norm_gradients(gradient, inputs, mean, root, scale)
            pairs = zip(gradients, (inputs, scale, *bias), strict=False)
            return tuple(tf.cast(ours, given.dtype) for ours, given in pairs)

        return outputs, backward

    parameters = (scale,) if bias is None else (scale, bias)
    return norm(inputs, *map(tf.convert_to_tensor, parameters))


def tensorflow_rms_norm(inputs: Any, scale: Any, epsilon: float, dtype: str) -> Any:
    """See `rms_norm_reference`."""

    @tf.custom_gradient
    def norm(inputs: Any, scale: Any) -> Any:
        outputs, root = _rms_norm(inputs, tf.constant(epsilon), scale)

        def backward(gradient: Any) -> tuple[Any, Any]:
            return _rms_norm_gradients(gradient, inputs, root, scale)

        return tf.cast(outputs, dtype), backward

    return norm(inputs, tf.convert_to_tensor(scale))


@fused
def _layer_norm(inputs: Any, epsilon: Any, scale: Any, *bias: Any) -> tuple[Any, Any, Any]:
    """The norm, in the dtype of the inputs, their mean and one over their deviation [..., 1]."""
    x = tf.cast(inputs, tf.float32)
    mean = _mean(x)
    centred = x - mean
    root = tf.math.rsqrt(_mean(tf.square(centred)) + epsilon)
    outputs = centred * root * tf.cast(scale, tf.float32)
    for addend in bias:
        outputs = outputs + tf.cast(addend, tf.float32)
    return tf.cast(outputs, inputs.dtype), mean, root


@fused
def _rms_norm(inputs: Any, epsilon: Any, scale: Any) -> tuple[Any, Any]:
    """The norm, in the dtype of the scale, and one over the root of the mean square [..., 1]."""
    x = tf.cast(inputs, tf.float32)
    root = tf.math.rsqrt(_mean(tf.square(x)) + epsilon)
    return tf.cast(x * root, scale.dtype) * scale, root


@fused
def _layer_norm_gradients(
    gradient: Any, inputs: Any, mean: Any, root: Any, scale: Any
) -> tuple[Any, Any, Any]:
    """In float32, to the inputs, the scale and the bias."""
    normed = (tf.cast(inputs, tf.float32) - mean) * root
    change, of_scale = _gradients(gradient, normed, scale)
    gradient = tf.cast(gradient, tf.float32)
    change = change - _mean(gradient, tf.cast(scale, tf.float32))
    return change * root, of_scale, _sum_of_rows(gradient)


@fused
def _rms_norm_gradients(gradient: Any, inputs: Any, root: Any, scale: Any) -> tuple[Any, Any]:
    """To the inputs and the scale, each in their dtype."""
    change, of_scale = _gradients(gradient, tf.cast(inputs, tf.float32) * root, scale)
    return tf.cast(change * root, inputs.dtype), tf.cast(of_scale, scale.dtype)


def _gradients(gradient: Any, normed: Any, scale: Any) -> tuple[Any, Any]:
    """To what is divided by the root, times it and as if nothing was subtracted; to the scale."""
    gradient, scale = tf.cast(gradient, tf.float32), tf.cast(scale, tf.float32)
    products = gradient * normed
    return gradient * scale - normed * _mean(products, scale), _sum_of_rows(products)


def _mean(x: Any, factors: Any = None) -> Any:
    """The mean of the last axis, of each number times its factor: [..., 1].

    By a product, as XLA's and TensorFlow's own sums of rows on the CPU take several times as long.
    """
    width = x.shape[-1]
    factors = tf.ones(width) if factors is None else factors
    sums = tf.matmul(tf.reshape(x, (-1, width)), factors[:, None] / width)
    return tf.reshape(sums, (*tf.unstack(tf.shape(x))[:-1], 1))


def _sum_of_rows(x: Any) -> Any:
    """The sum of all axes but the last, by a product: TensorFlow's own takes one core."""
    flat = tf.reshape(x, (-1, x.shape[-1]))
    return tf.matmul(tf.ones((1, tf.shape(flat)[0])), flat)[0]
