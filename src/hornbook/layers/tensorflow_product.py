"""`inputs @ kernel.T` on TensorFlow, without a transposed copy of the kernel."""

from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.python.xla import (
    DotDimensionNumbers,
    dot_general,
    optimization_barrier,
)

from hornbook.layers.kv_cache import is_xla_on_the_cpu
from hornbook.native.xla_calls import has_native_product, native_product
from hornbook.scoped import scoped

KERNEL_FIRST = range(2, 65)
"""So many rows of float32 XLA's CPU backend multiplies up to twice as fast, the kernel first."""
OVER_THE_LAST_AXES = DotDimensionNumbers(
    lhs_contracting_dimensions=[1], rhs_contracting_dimensions=[1]
)
_XLA_COMPILES: ContextVar[bool] = ContextVar("_XLA_COMPILES", default=False)


def compiled_by_xla() -> AbstractContextManager[None]:
    """What is traced inside, XLA compiles, and nobody asks for its gradients.

    So it may hold what XLA alone understands.
    """
    return scoped(_XLA_COMPILES, True)


def tensorflow_barrier(*tensors: Any) -> tuple[Any, ...]:
    """See `loop_barrier`."""
    return tuple(optimization_barrier(*tensors)) if _XLA_COMPILES.get() else tensors


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
    rows = flat.shape[0]
    if rows is not None and has_native_product(rows, kernel.dtype):
        return native_product(flat, kernel)
    if _XLA_COMPILES.get() and is_xla_on_the_cpu():
        if kernel.dtype == tf.bfloat16 and rows != 1:
            # XLA converts a kernel before it multiplies, if the product is to be bfloat16 too.
            product = dot_general(
                flat, kernel, OVER_THE_LAST_AXES, preferred_element_type=tf.float32
            )
            return tf.cast(product, tf.bfloat16)
        if kernel.dtype == tf.float32 and rows in KERNEL_FIRST:
            # The barrier keeps XLA from turning it round.
            (product,) = optimization_barrier(tf.matmul(kernel, flat, transpose_b=True))
            return tf.transpose(product)
    return tf.matmul(flat, kernel, transpose_b=True)


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
