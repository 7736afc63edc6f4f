import numpy as np
import pytest
import torch
from keras import ops

from hornbook.layers import LayerNormalization, RMSNormalization
from hornbook.layers.norm import layer_norm_reference, rms_norm_reference
from losses.gradients import value_and_gradients

RNG = np.random.default_rng(0)
INPUTS = (RNG.normal(size=(2, 3, 6)) * 5 + 2).astype("f4")
SCALE, BIAS = RNG.normal(size=6).astype("f4"), RNG.normal(size=6).astype("f4")
not_torch = pytest.mark.backends("jax", "tensorflow")  # torch differentiates its own calls


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def test_layer_normalization_is_torchs():
    layer = LayerNormalization(1e-3)
    layer.build(INPUTS.shape)
    layer.scale.assign(SCALE)
    layer.bias.assign(BIAS)
    tensors = [torch.tensor(array) for array in (INPUTS, SCALE, BIAS)]
    expected = torch.nn.functional.layer_norm(tensors[0], (6,), *tensors[1:], eps=1e-3)
    np.testing.assert_allclose(numpy(layer(INPUTS)), expected.numpy(), atol=1e-5)
    plain = layer_norm_reference(ops.convert_to_tensor(INPUTS), SCALE, BIAS, 1e-3)
    np.testing.assert_allclose(numpy(plain), expected.numpy(), atol=1e-5)


def test_rms_normalization_is_torchs():
    layer = RMSNormalization(1e-3)
    layer.build(INPUTS.shape)
    layer.scale.assign(SCALE)
    expected = torch.nn.functional.rms_norm(
        torch.tensor(INPUTS), (6,), torch.tensor(SCALE), eps=1e-3
    )
    np.testing.assert_allclose(numpy(layer(INPUTS)), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", [LayerNormalization, RMSNormalization])
def test_half_precision_is_computed_in_float32(kind):
    inputs = ops.convert_to_tensor(INPUTS * 1e3, dtype="float16")
    outputs = kind(dtype="float16")(inputs)
    assert outputs.dtype == ops.convert_to_tensor(0, dtype="float16").dtype
    expected = numpy(kind()(INPUTS * 1e3))
    np.testing.assert_allclose(numpy(ops.cast(outputs, "float32")), expected, atol=5e-3)


@not_torch
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_gradients_of_rms_normalization_are_those_of_its_formula(offset):
    layer = RMSNormalization(1e-3, offset)
    layer.build(INPUTS.shape)
    weights = RNG.normal(size=INPUTS.shape).astype("f4")

    def ours(inputs, scale):
        outputs, _ = layer.stateless_call([scale], [], inputs)
        return ops.sum(outputs * weights)

    def plain(inputs, scale):
        return ops.sum(rms_norm_reference(inputs, scale + offset, 1e-3, "float32") * weights)

    check_gradients(ours, plain, INPUTS, SCALE)


@not_torch
@pytest.mark.parametrize("use_bias", [False, True])
def test_gradients_of_layer_normalization_are_those_of_its_formula(use_bias):
    layer = LayerNormalization(1e-3, use_bias)
    layer.build(INPUTS.shape)
    weights = RNG.normal(size=INPUTS.shape).astype("f4")

    def ours(inputs, *parameters):
        outputs, _ = layer.stateless_call(list(parameters), [], inputs)
        return ops.sum(outputs * weights)

    def plain(inputs, scale, bias=None):
        return ops.sum(layer_norm_reference(inputs, scale, bias, 1e-3) * weights)

    check_gradients(ours, plain, INPUTS, *((SCALE, BIAS) if use_bias else (SCALE,)))


def check_gradients(ours, plain, *arrays):
    (value, gradients), (expected, expected_gradients) = (
        value_and_gradients(function, *arrays) for function in (ours, plain)
    )
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for ours_, plain_ in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(ours_, plain_, atol=1e-5)


@not_torch
@pytest.mark.parametrize("kind", [LayerNormalization, RMSNormalization])
def test_gradients_have_the_types_of_what_they_are_of(kind):
    layer = kind(dtype="mixed_bfloat16")
    layer.build(INPUTS.shape)

    def total(inputs, *parameters):
        outputs, _ = layer.stateless_call(list(parameters), [], ops.cast(inputs, "bfloat16"))
        return ops.sum(ops.cast(outputs, "float32"))

    parameters = [numpy(variable) for variable in layer.variables]
    _, gradients = value_and_gradients(total, INPUTS, *parameters)
    assert [gradient.dtype for gradient in gradients] == ["float32"] * (1 + len(parameters))
    assert all(np.isfinite(gradient).all() for gradient in gradients)
