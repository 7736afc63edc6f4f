"""`inputs @ kernel.T` on TensorFlow, without a transposed copy of the kernel."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.python.xla import optimization_barrier

from hornbook.layers.kv_cache import is_xla_on_the_cpu

KERNEL_FIRST = range(2, 65)
"""So many rows XLA's CPU backend multiplies up to twice as fast when the kernel comes first."""
_XLA_COMPILES: ContextVar[bool] = ContextVar("_XLA_COMPILES", default=False)


@contextmanager
def compiled_by_xla() -> Iterator[None]:
    """What is traced inside, XLA compiles, and nobody asks for its gradients.

    So it may hold what XLA alone understands.
    """
    token = _XLA_COMPILES.set(True)
    try:
        yield
    finally:
        _XLA_COMPILES.reset(token)


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
        outputs = _product(flat, kernel)
    else:
        outputs = _affine(flat, kernel, tf.cast(tf.convert_to_tensor(bias), kernel.dtype))
    outputs = tf.reshape(outputs, (*tf.unstack(tf.shape(inputs))[:-1], kernel.shape[0]))
    outputs.set_shape((*inputs.shape[:-1], kernel.shape[0]))
    return outputs


def _product(flat: Any, kernel: Any) -> Any:
    if not _takes_kernel_first(flat, kernel):
        return tf.matmul(flat, kernel, transpose_b=True)
    # The barrier keeps XLA from turning it round.
    (product,) = optimization_barrier(tf.matmul(kernel, flat, transpose_b=True))
    return tf.transpose(product)


def _takes_kernel_first(flat: Any, kernel: Any) -> bool:
    return (
        _XLA_COMPILES.get()
        and kernel.dtype == tf.float32
        and flat.shape[0] in KERNEL_FIRST
        and is_xla_on_the_cpu()
    )


@tf.custom_gradient
def _affine(flat: Any, kernel: Any, bias: Any) -> Any:
    """A product and its bias, whose gradient TensorFlow's own sum takes on one core."""
    outputs = tf.nn.bias_add(_product(flat, kernel), bias)

    def backward(gradient: Any) -> tuple[Any, Any, Any]:
        ones = tf.ones((1, tf.shape(gradient)[0]), gradient.dtype)
        return (
            tf.matmul(gradient, kernel),
            tf.matmul(gradient, flat, transpose_a=True),
            tf.matmul(ones, gradient)[0],
        )

    return outputs, backward
