"""`inputs @ kernel.T` on TensorFlow, without a transposed copy of the kernel."""

from typing import Any

import tensorflow as tf


def tensorflow_product(inputs: Any, kernel: Any, bias: Any = None) -> Any:
    """Multiplies [..., inputs] by a kernel [outputs, inputs], giving [..., outputs].

    A bias [outputs] is added in the product's own pass, without XLA too.
    XLA's CPU backend copies a kernel that is transposed for it, for every token in a loop; one
    that a product of two dimensions transposes by itself it reads as it is.
    """
    kernel = tf.convert_to_tensor(kernel)
    inputs = tf.cast(inputs, kernel.dtype)
    flat = tf.reshape(inputs, (-1, kernel.shape[1]))
    if bias is None:
        outputs = tf.matmul(flat, kernel, transpose_b=True)
    else:
        outputs = _affine(flat, kernel, tf.cast(tf.convert_to_tensor(bias), kernel.dtype))
    outputs = tf.reshape(outputs, (*tf.unstack(tf.shape(inputs))[:-1], kernel.shape[0]))
    outputs.set_shape((*inputs.shape[:-1], kernel.shape[0]))
    return outputs


@tf.custom_gradient
def _affine(flat: Any, kernel: Any, bias: Any) -> Any:
    """A product and its bias, whose gradient TensorFlow's own sum takes on one core."""
    outputs = tf.nn.bias_add(tf.matmul(flat, kernel, transpose_b=True), bias)

    def backward(gradient: Any) -> tuple[Any, Any, Any]:
        ones = tf.ones((1, tf.shape(gradient)[0]), gradient.dtype)
        return (
            tf.matmul(gradient, kernel),
            tf.matmul(gradient, flat, transpose_a=True),
            tf.matmul(ones, gradient)[0],
        )

    return outputs, backward
