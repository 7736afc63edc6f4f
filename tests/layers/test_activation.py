from functools import partial

import keras
import numpy as np
import pytest
import torch
from keras import ops

from hornbook.errors import ConfigError
from hornbook.layers.activation import ACTIVATIONS, activation
from losses.gradients import value_and_gradients

FUNCTIONS = torch.nn.functional
TORCHS = {
    "gelu": FUNCTIONS.gelu,
    "gelu_fast": partial(FUNCTIONS.gelu, approximate="tanh"),
    "gelu_new": partial(FUNCTIONS.gelu, approximate="tanh"),
    "gelu_pytorch_tanh": partial(FUNCTIONS.gelu, approximate="tanh"),
    "relu": FUNCTIONS.relu,
    "sigmoid": FUNCTIONS.sigmoid,
    "silu": FUNCTIONS.silu,
    "swish": FUNCTIONS.silu,
    "tanh": torch.tanh,
}
INPUTS = np.linspace(-12, 12, 2 * 7 * 5, dtype="f4").reshape(2, 7, 5)
UPSTREAM = np.random.default_rng(0).normal(size=INPUTS.shape).astype("f4")


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_values_and_gradients_are_torchs(name):
    def total(x):
        return ops.sum(activation(name)(x) * ops.convert_to_tensor(UPSTREAM))

    _, (gradient,) = value_and_gradients(total, INPUTS)
    x = torch.tensor(INPUTS, requires_grad=True)
    expected = TORCHS[name](x)
    expected.backward(torch.tensor(UPSTREAM))
    outputs = ops.convert_to_numpy(activation(name)(ops.convert_to_tensor(INPUTS)))
    np.testing.assert_allclose(outputs, expected.detach(), atol=2e-6)
    np.testing.assert_allclose(gradient, x.grad, atol=2e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["gelu", "gelu_new", "silu"])
def test_half_precision_is_rounded_once_or_twice(name, dtype):
    x = ops.cast(INPUTS, dtype)
    outputs = activation(name)(x)
    assert keras.backend.standardize_dtype(outputs.dtype) == dtype
    expected = TORCHS[name](torch.tensor(ops.convert_to_numpy(ops.cast(x, "float32"))))
    step = 2.0 ** (-7 if dtype == "bfloat16" else -10)
    outputs = ops.convert_to_numpy(ops.cast(outputs, "float32"))
    np.testing.assert_allclose(outputs, expected, rtol=2 * step, atol=step)


def test_a_name_is_known_or_the_known_ones_are_named():
    with pytest.raises(ConfigError, match="'gello'; the known ones are gelu, "):
        activation("gello")


def test_a_symbol_has_the_shape_of_the_inputs():
    inputs = keras.Input((None, 5))
    assert activation("gelu")(inputs).shape == (None, None, 5)
