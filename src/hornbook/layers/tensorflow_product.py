"""`inputs @ kernel.T` on TensorFlow, without a transposed copy of the kernel."""

from typing import Any

import tensorflow as tf


def tensorflow_product(inputs: Any, kernel: Any) -> Any:
    """Multiplies [..., inputs] by a kernel [outputs, inputs], giving [..., outputs].

    XLA's CPU backend copies a kernel that is transposed for it, for every token in a loop; one
    that a product of two dimensions transposes by itself it reads as it is.
    """
    kernel = tf.convert_to_tensor(kernel)
    inputs = tf.cast(inputs, kernel.dtype)
    flat = tf.reshape(inputs, (-1, kernel.shape[1]))
    outputs = tf.matmul(flat, kernel, transpose_b=True)
    outputs = tf.reshape(outputs, (*tf.unstack(tf.shape(inputs))[:-1], kernel.shape[0]))
    outputs.set_shape((*inputs.shape[:-1], kernel.shape[0]))
    return outputs
