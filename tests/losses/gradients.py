"""Gradients of a scalar function of arrays, on whichever backend the tests run."""

import keras
import numpy as np


def gradient(function, array):
    return value_and_gradients(function, array)[1][0]


def value_and_gradients(function, *arrays):
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        every = tuple(range(len(arrays)))
        value, gradients = jax.jit(jax.value_and_grad(function, every))(*arrays)
        return np.asarray(value), [np.asarray(part) for part in gradients]
    if backend == "torch":
        import torch

        tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
        value = function(*tensors)
        value.backward()
        return value.detach().numpy(), [tensor.grad.numpy() for tensor in tensors]
    import tensorflow as tf

    @tf.function(autograph=False)  # as `fit` does it
    def both(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        return value, tape.gradient(value, tensors)

    value, gradients = both(*map(tf.constant, arrays))
    return value.numpy(), [part.numpy() for part in gradients]
