import numpy as np
import pytest
import torch
from keras import ops
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from hornbook.layers import RopeScaling, RotaryAngles, RotaryEmbedding
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
    rope = RotaryAngles(10, 500.0, scaling)(ops.convert_to_tensor(positions))
    ours = ops.convert_to_numpy(rotate(ops.convert_to_tensor(heads), rope))
    np.testing.assert_allclose(ours, original.numpy(), atol=2e-5)


def test_features_beyond_the_rotary_dimension_pass():
    heads = np.random.default_rng(0).normal(size=(1, 4, 2, 7)).astype("f4")
    rope = RotaryAngles(4)(ops.arange(4)[None])
    rotated = ops.convert_to_numpy(rotate(ops.convert_to_tensor(heads), rope))
    np.testing.assert_array_equal(rotated[..., 4:], heads[..., 4:])
    assert abs(rotated[:, 1:, :, :4] - heads[:, 1:, :, :4]).min() > 0


@pytest.mark.parametrize("kind", ["dynamic", "yarn"])
def test_positions_beyond_the_original_length_turn_as_the_original(kind):
    parameters = {"rope_type": kind, "rope_theta": 500.0, "factor": 3.0}
    if kind == "yarn":
        parameters["original_max_position_embeddings"] = 24
    config = LlamaConfig(
        hidden_size=30, num_attention_heads=3, head_dim=10, rope_parameters=parameters,
        max_position_embeddings=24 if kind == "dynamic" else 72,
    )  # fmt: skip
    scaling = RopeScaling(kind, 3.0, original_length=24)
    for length in (7, 60):
        positions = np.arange(length)[None]
        cos, sin = LlamaRotaryEmbedding(config)(torch.zeros(1), torch.tensor(positions))
        ours = RotaryAngles(10, 500.0, scaling)(ops.convert_to_tensor(positions))
        for mine, original in zip(ours, (cos, sin), strict=True):
            np.testing.assert_allclose(
                ops.convert_to_numpy(mine), original[..., :5].numpy(), atol=2e-5
            )


@pytest.mark.parametrize("attention_factor", [None, 1.5])
def test_short_and_long_factors_are_the_original_s(attention_factor):
    factors = {
        "short_factor": [1.0, 1.25, 2.0, 4.0, 8.0],
        "long_factor": [1.0, 3.0, 9.0, 27.0, 81.0],
    }
    config = LlamaConfig(
        hidden_size=30, num_attention_heads=3, head_dim=10, max_position_embeddings=72,
        rope_parameters={
            "rope_type": "longrope", "rope_theta": 500.0, "attention_factor": attention_factor,
            "original_max_position_embeddings": 24, **factors,
        },
    )  # fmt: skip
    short, long = map(tuple, factors.values())
    scaling = RopeScaling(
        "longrope", original_length=24, short_factors=short, long_factors=long,
        attention_factor=attention_factor,
    )  # fmt: skip
    angles = RotaryAngles(10, 500.0, scaling.for_length(72))
    rotary = LlamaRotaryEmbedding(config)
    for length in (24, 25, 60, 7):
        positions = np.arange(length)[None]
        theirs = rotary(torch.zeros(1), torch.tensor(positions))
        ours = angles(ops.convert_to_tensor(positions))
        for mine, original in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(
                ops.convert_to_numpy(mine), original[..., :5].numpy(), atol=2e-5
            )


def test_each_row_is_as_long_as_it_is_said_to_be():
    scaling = RopeScaling(
        "longrope", 2.0, original_length=4, short_factors=(1.0,), long_factors=(2.0,)
    )
    angles, positions = RotaryAngles(2, 500.0, scaling), np.arange(6)[None]
    together = ops.convert_to_numpy(angles(positions, np.array([4, 5]))[1])
    for row, length in enumerate((4, 6)):
        alone = ops.convert_to_numpy(angles(positions[:, :length])[1])
        np.testing.assert_allclose(together[row, :length], alone[0], atol=1e-6)
    assert abs(together[0] - together[1]).max() > 0.01


def test_factors_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="has 1 factors for 2 frequencies"):
        RotaryAngles(
            4, scaling=RopeScaling("longrope", 2.0, short_factors=(1.0,), long_factors=(1.0,))
        )
    with pytest.raises(ValueError, match="needs a factor"):
        RopeScaling("linear")


def test_dynamic_rows_do_not_depend_on_longer_neighbours():
    angles = RotaryAngles(8, 500.0, RopeScaling("dynamic", 2.0, original_length=4))
    together = angles(np.array([[0, 1, 2], [7, 8, 9]]))[0]
    alone = angles(np.array([[0, 1, 2]]))[0]
    together, alone = ops.convert_to_numpy(together), ops.convert_to_numpy(alone)
    np.testing.assert_allclose(together[0], alone[0], atol=1e-6)


def test_embedding_turns_any_axes_and_starts_anywhere():
    inputs = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype("f4")
    layer = RotaryEmbedding(100.0, scaling_factor=2.0, sequence_axis=3, feature_axis=1)
    outputs = ops.convert_to_numpy(layer(inputs, start_index=4))
    rope = RotaryAngles(6, 100.0, RopeScaling("linear", 2.0))(np.arange(4, 7)[None])
    moved = ops.convert_to_tensor(np.moveaxis(inputs, (3, 1), (1, 3)))
    expected = np.moveaxis(ops.convert_to_numpy(rotate(moved, rope)), (1, 3), (3, 1))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    given = layer(inputs, positions=np.arange(4, 7))
    np.testing.assert_allclose(ops.convert_to_numpy(given), expected, atol=1e-5)


def test_unknown_scaling_is_refused():
    with pytest.raises(ValueError, match="expected one of linear, dynamic, llama3, yarn"):
        RopeScaling("ntk", 2.0)
