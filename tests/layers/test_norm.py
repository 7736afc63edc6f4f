import numpy as np
import pytest
import torch
from keras import ops

from hornbook.layers import LayerNormalization, RMSNormalization
from hornbook.layers.norm import layer_norm_reference

RNG = np.random.default_rng(0)
INPUTS = (RNG.normal(size=(2, 3, 6)) * 5 + 2).astype("f4")
SCALE, BIAS = RNG.normal(size=6).astype("f4"), RNG.normal(size=6).astype("f4")


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
