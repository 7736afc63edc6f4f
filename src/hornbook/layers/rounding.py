"""Rounding to a narrower type, which compilers leave out where it is a cast and a cast back."""

from typing import Any

import keras
from keras import ops


def rounded_to_bfloat16(values: Any) -> Any:
    """The nearest values of bfloat16, as float32; ties go to the even one.

    Args:
        values: float32, finite and not negative.

    Example:
        >>> import numpy as np
        >>> float(rounded_to_bfloat16(np.array(257.0, "float32")))
        256.0
    """
    bits = _reinterpreted(ops.convert_to_tensor(values, "float32"), "int32")
    last = ops.bitwise_and(ops.right_shift(bits, 16), 1)
    kept = ops.bitwise_and(bits + 0x7FFF + last, -0x10000)
    return _reinterpreted(kept, "float32")


def _reinterpreted(tensor: Any, dtype: str) -> Any:
    """The same bits as another type; Keras's own form knows no symbolic shapes of TensorFlow."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.bitcast(tensor, dtype)
    return ops.view(tensor, dtype)
