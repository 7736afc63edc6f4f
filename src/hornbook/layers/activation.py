"""Activation functions by the names that checkpoints use."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from hornbook.errors import ConfigError

gelu_approximate = partial(ops.gelu, approximate=True)


def gelu(x: Any) -> Any:
    """The exact GELU, x times the normal distribution's function (Hendrycks and Gimpel, 2016)."""
    if keras.backend.backend() != "jax":
        return ops.gelu(x, approximate=False)
    # JAX's own is of erfc, an exponential and two ranges: on the CPU it takes twice as long.
    wide = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    wide = wide * (0.5 + 0.5 * ops.erf(wide * float(np.sqrt(0.5))))
    return ops.cast(wide, x.dtype)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "gelu": gelu,
    "gelu_fast": gelu_approximate,
    "gelu_new": gelu_approximate,
    "gelu_pytorch_tanh": gelu_approximate,
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "silu": ops.silu,
    "swish": ops.silu,
    "tanh": ops.tanh,
}


def activation(name: str | Callable[[Any], Any] | dict[str, Any]) -> Callable[[Any], Any]:
    """Returns the activation function of a name, or of one that Keras has serialized.

    A callable is returned as it is.

    Raises:
        ConfigError: when the name is unknown.
    """
    if isinstance(name, dict):
        name = keras.saving.deserialize_keras_object(name)
    if callable(name):
        return name
    if name not in ACTIVATIONS:
        raise ConfigError(
            f"Unknown activation '{name}'; the known ones are {', '.join(sorted(ACTIVATIONS))}."
        )
    return ACTIVATIONS[name]


def softcapped(values: Any, cap: float | None) -> Any:
    """Squeezes values between plus and minus `cap`: `cap * tanh(values / cap)`; None does nothing.

    Follows Gemma Team, "Gemma 2" (2024).
    """
    return values if cap is None else cap * ops.tanh(values / cap)
