"""Activation functions by the names that checkpoints use."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from hornbook.errors import ConfigError


def gelu_approximate(x: Any) -> Any:
    """The GELU by a tanh (Hendrycks and Gimpel, 2016)."""
    return _applied(_gelu_by_tanh, x)


def silu(x: Any) -> Any:
    """X times its sigmoid (Elfwing et al., 2017), which Ramachandran et al. call swish."""
    return _applied(ops.silu, x)


def gelu(x: Any) -> Any:
    """The exact GELU, x times the normal distribution's function (Hendrycks and Gimpel, 2016)."""
    if keras.backend.backend() != "jax":
        return _applied(_gelu_by_erf, x)
    # JAX's own is of erfc, an exponential and two ranges: on the CPU it takes twice as long.
    wide = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    wide = wide * (0.5 + 0.5 * ops.erf(wide * float(np.sqrt(0.5))))
    return ops.cast(wide, x.dtype)


_gelu_by_tanh = partial(ops.gelu, approximate=True)
_gelu_by_erf = partial(ops.gelu, approximate=False)


def _applied(function: Callable[[Any], Any], x: Any) -> Any:
    if keras.backend.backend() != "tensorflow" or isinstance(x, keras.KerasTensor):
        return function(x)
    from hornbook.layers.tensorflow_activation import tensorflow_activation

    return tensorflow_activation(function, x)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "gelu": gelu,
    "gelu_fast": gelu_approximate,
    "gelu_new": gelu_approximate,
    "gelu_pytorch_tanh": gelu_approximate,
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "silu": silu,
    "swish": silu,
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
