"""Several layers' products of the same inputs."""

import keras
import numpy as np
import pytest
from keras import ops

from hornbook.backbones.construction import dtype_policy
from hornbook.layers import Attention, FeedForward, Linear
from hornbook.layers.linear_group import joined_kernels, linear_products


def kernels_of(*groups):
    return {
        group: ops.concatenate([ops.convert_to_tensor(layer.kernel) for layer in group])
        for group in groups
    }


def as_numpy(x):
    return keras.ops.convert_to_numpy(ops.cast(x, "float32"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "mixed_bfloat16"])
def test_joined_kernels_give_each_layers_own_outputs(dtype):
    keras.utils.set_random_seed(0)
    with dtype_policy(dtype):
        group = Linear(3, bias_initializer="normal"), Linear(5, use_bias=False), Linear(1)
    inputs = np.random.default_rng(0).normal(size=(2, 4, 6)).astype("float32")
    expected = [layer(inputs) for layer in group]
    with joined_kernels(kernels_of(group)):
        found = linear_products(ops.convert_to_tensor(inputs), group)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(
            as_numpy(one), as_numpy(other), atol=1e-6 if dtype == "float32" else 2e-2
        )


def test_layers_use_the_kernels_that_they_are_given():
    """Zeros in the place of the kernels can be seen in what comes out."""
    inputs = np.random.default_rng(1).normal(size=(1, 2, 8)).astype("float32")
    for layer in (
        Attention(2, 1, 4, use_bias=False),
        FeedForward(6, "silu", gated=True, use_bias=False),
    ):
        expected = as_numpy(layer(inputs))
        kernels = kernels_of(*layer.linear_groups)
        with joined_kernels(kernels):
            np.testing.assert_allclose(as_numpy(layer(inputs)), expected, atol=1e-6)
        zeros = {group: ops.zeros_like(kernel) for group, kernel in kernels.items()}
        with joined_kernels(zeros):
            np.testing.assert_array_equal(as_numpy(layer(inputs)), 0)
        np.testing.assert_allclose(as_numpy(layer(inputs)), expected, atol=1e-6)


def test_attention_to_a_memory_has_no_group():
    layer = Attention(2, 1, 4)
    layer(np.zeros((1, 2, 8), "float32"), memory=np.zeros((1, 3, 8), "float32"))
    assert layer.linear_groups == ()
    assert FeedForward(6, "relu").linear_groups == ()
