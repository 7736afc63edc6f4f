"""Chains of cheap calls as one, by XLA, in TensorFlow's graphs that run without it on the CPU.

Each of TensorFlow's own calls reads its operands from memory and writes its result there.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import tensorflow as tf

from hornbook.layers.kv_cache import is_xla_on_the_cpu

LARGE = 2**16
"""Of fewer numbers, TensorFlow's own calls are over before one of XLA has begun."""


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Makes one call of a function of tensors, where that pays.

    It pays in graphs, where one of them is large and their shapes are known, but for the number of
    rows of [rows, ..., ...]: XLA compiles the function for each shape that it meets. Elsewhere the
    function runs as it is.
    """

    @wraps(function)
    def call(*tensors: Any) -> Any:
        if not can_fuse(*tensors):
            return function(*tensors)
        return _compiled(function, *((tuple(x.shape), x.dtype) for x in tensors))(*tensors)

    return call


def can_fuse(*tensors: Any) -> bool:
    """Whether a function of these would be one call."""
    return (
        not tf.executing_eagerly()
        and is_xla_on_the_cpu()
        and all(map(_is_known, tensors))
        and any(map(_is_large, tensors))
    )


def _is_known(tensor: Any) -> bool:
    shape = tensor.shape
    return shape.rank is not None and None not in (shape[1:] if shape.rank > 2 else shape)


def _is_large(tensor: Any) -> bool:
    size = tensor.shape.num_elements()
    return size is None or size >= LARGE


@cache
def _compiled(function: Callable[..., Any], *operands: tuple[Any, Any]) -> Any:
    """One program for all layers that call a function with the same shapes and dtypes."""
    specs = [tf.TensorSpec(shape, dtype) for shape, dtype in operands]
    compiled = tf.function(function, jit_compile=True, autograph=False)
    return compiled.get_concrete_function(*specs)
