"""Chains of cheap calls as one, by XLA, in TensorFlow's graphs that run without it on the CPU.

Each of TensorFlow's own calls reads its operands from memory and writes its result there.
"""

import math
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import tensorflow as tf

from hornbook.layers.kv_cache import is_xla_on_the_cpu

LARGE = 2**16
"""With fewer numbers, a few calls of TensorFlow are over before one of XLA has begun."""


def fused(function: Callable[..., Any], smallest: int = LARGE) -> Callable[..., Any]:
    """Makes one call of a function of tensors, where that pays.

    It pays in graphs, where one of them has at least `smallest` numbers and their shapes are known,
    but for the number of rows of [rows, ..., ...]: XLA compiles the function for each shape that it
    meets. Elsewhere the function runs as it is.
    """

    @wraps(function)
    def call(*tensors: Any) -> Any:
        if not can_fuse(*tensors) or max(map(_size, tensors)) < smallest:
            return function(*tensors)
        return _compiled(function, *((tuple(x.shape), x.dtype) for x in tensors))(*tensors)

    return call


def can_fuse(*tensors: Any) -> bool:
    """Whether a function of these could be one call."""
    return not tf.executing_eagerly() and is_xla_on_the_cpu() and all(map(_is_known, tensors))


def _is_known(tensor: Any) -> bool:
    shape = tensor.shape
    return shape.rank is not None and None not in (shape[1:] if shape.rank > 2 else shape)


def _size(tensor: Any) -> float:
    size = tensor.shape.num_elements()
    return math.inf if size is None else size


@cache
def _compiled(function: Callable[..., Any], *operands: tuple[Any, Any]) -> Any:
    """One program for all layers that call a function with the same shapes and dtypes."""
    specs = [tf.TensorSpec(shape, dtype) for shape, dtype in operands]
    compiled = tf.function(function, jit_compile=True, autograph=False)
    return compiled.get_concrete_function(*specs)
