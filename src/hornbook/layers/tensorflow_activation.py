"""Activations on TensorFlow, forward and backward in one call each where they can be fused.

TensorFlow's own GELU is of eight calls, its gradient of more, and each of them passes over the
feed-forward's inner states.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import tensorflow as tf

from hornbook.layers.tensorflow_fusion import fused


def tensorflow_activation(function: Callable[[Any], Any], x: Any) -> Any:
    """Applies a function of each number, computed in float32 at least, in the dtype of `x`."""
    forward, gradient = _programs(function)

    @tf.custom_gradient
    def apply(x: Any) -> Any:
        return forward(x), lambda upstream: gradient(x, upstream)

    return apply(tf.convert_to_tensor(x))


@cache
def _programs(function: Callable[[Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    @fused
    def forward(x: Any) -> Any:
        return tf.cast(function(_wide(x)), x.dtype)

    @fused
    def gradient(x: Any, upstream: Any) -> Any:
        wide = _wide(x)
        with tf.GradientTape() as tape:
            tape.watch(wide)
            outputs = function(wide)
        return tf.cast(tape.gradient(outputs, wide, _wide(upstream)), x.dtype)

    return forward, gradient


def _wide(x: Any) -> Any:
    """XLA's CPU backend computes slowly in half precision."""
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)
