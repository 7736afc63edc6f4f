"""Gradients of a model's trainable weights, on whichever backend the tests run."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np


def gradients(model: Any, inputs: Any, loss: Callable[[Any], Any]) -> dict[str, np.ndarray]:
    """By the weight's path, the gradient of `loss(model(inputs))`, a scalar."""
    weights = model.trainable_variables
    found = _IMPLEMENTATIONS[keras.backend.backend()](model, inputs, loss)
    return {
        weight.path: np.zeros(weight.shape) if gradient is None else _array(gradient)
        for weight, gradient in zip(weights, found, strict=True)
    }


def _array(gradient: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(gradient))


def _jax(model: Any, inputs: Any, loss: Callable[[Any], Any]) -> list[Any]:
    import jax

    fixed = [variable.value for variable in model.non_trainable_variables]

    def value(trainable: list[Any]) -> Any:
        outputs, _ = model.stateless_call(trainable, fixed, inputs)
        return loss(outputs)

    return jax.jit(jax.grad(value))([weight.value for weight in model.trainable_variables])


def _torch(model: Any, inputs: Any, loss: Callable[[Any], Any]) -> list[Any]:
    model.zero_grad()
    loss(model(inputs)).backward()
    return [weight.value.grad for weight in model.trainable_variables]


def _tensorflow(model: Any, inputs: Any, loss: Callable[[Any], Any]) -> list[Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss(model(inputs))
    return tape.gradient(value, [weight.value for weight in model.trainable_variables])


_IMPLEMENTATIONS = {"jax": _jax, "torch": _torch, "tensorflow": _tensorflow}
