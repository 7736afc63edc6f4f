"""Activation functions by the names that checkpoints use."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops

from hornbook.errors import ConfigError

gelu_approximate = partial(ops.gelu, approximate=True)

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "gelu": partial(ops.gelu, approximate=False),
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
