import numpy as np
import pytest
import torch
from keras import ops
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from hornbook.layers import RopeScaling, RotaryEmbedding
from hornbook.layers.rope import rotate

LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "scaling"),
    [
        ({"rope_type": "default"}, None),
        ({"rope_type": "linear", "factor": 3.0}, RopeScaling("linear", 3.0)),
        (LLAMA3, RopeScaling("llama3", 8.0, 1.0, 4.0, 32)),
    ],
)
def test_rotation_is_the_original(parameters, scaling):
    rng = np.random.default_rng(0)
    heads = rng.normal(size=(2, 9, 3, 10)).astype("f4")
    positions = rng.integers(0, 100, (2, 9))
    config = LlamaConfig(
        hidden_size=30, num_attention_heads=3, head_dim=10, max_position_embeddings=256,
        rope_parameters={"rope_theta": 500.0, **parameters},
    )  # fmt: skip
    cos, sin = LlamaRotaryEmbedding(config)(torch.tensor(heads), torch.tensor(positions))
    original, _ = apply_rotary_pos_emb(
        torch.tensor(heads), torch.tensor(heads), cos, sin, unsqueeze_dim=2
    )
    rope = RotaryEmbedding(10, 500.0, scaling)(ops.convert_to_tensor(positions))
    ours = ops.convert_to_numpy(rotate(ops.convert_to_tensor(heads), rope))
    np.testing.assert_allclose(ours, original.numpy(), atol=2e-5)


def test_features_beyond_the_rotary_dimension_pass():
    heads = np.random.default_rng(0).normal(size=(1, 4, 2, 7)).astype("f4")
    rope = RotaryEmbedding(4)(ops.arange(4)[None])
    rotated = ops.convert_to_numpy(rotate(ops.convert_to_tensor(heads), rope))
    np.testing.assert_array_equal(rotated[..., 4:], heads[..., 4:])
    assert abs(rotated[:, 1:, :, :4] - heads[:, 1:, :, :4]).min() > 0
