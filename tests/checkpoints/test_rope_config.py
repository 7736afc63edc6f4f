import pytest
from transformers import LlamaConfig

from hornbook.checkpoints.rope_config import read_rope, write_rope
from hornbook.errors import ConfigError
from hornbook.layers import RopeScaling

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
LONG = {"rope_type": "longrope", "short_factor": [1.0, 2.0], "long_factor": [1.5, 9.0]}


@pytest.mark.parametrize(
    ("parameters", "scaling"),
    [
        ({"rope_type": "dynamic", "factor": 2.0}, RopeScaling("dynamic", 2.0, original_length=128)),
        (YARN, RopeScaling("yarn", 4.0, original_length=32)),
        (
            {**LONG, "original_max_position_embeddings": 16},
            RopeScaling(
                "longrope", original_length=16, short_factors=(1.0, 2.0), long_factors=(1.5, 9.0)
            ),
        ),
        (
            {
                **LONG,
                "original_max_position_embeddings": 16,
                "factor": 3.0,
                "attention_factor": 2.0,
            },
            RopeScaling(
                "longrope", 3.0, original_length=16, short_factors=(1.0, 2.0),
                long_factors=(1.5, 9.0), attention_factor=2.0,
            ),
        ),
        (
            {**YARN, "mscale": 0.7, "mscale_all_dim": 1.0, "beta_fast": 16.0, "truncate": False},
            RopeScaling(
                "yarn", 4.0, original_length=32, mscale=0.7, mscale_all_dim=1.0, beta_fast=16.0,
                truncate=False,
            ),
        ),
    ],
)  # fmt: skip
def test_what_transformers_writes_is_read_and_written_again(parameters, scaling):
    parameters = {"rope_theta": 500.0, **parameters}
    raw = LlamaConfig(max_position_embeddings=128, rope_parameters=parameters).to_dict()
    assert read_rope(raw) == (500.0, scaling)
    assert write_rope((500.0, scaling)) == raw["rope_parameters"]


def test_yarn_of_old_files_takes_the_model_length():
    raw = {
        "rope_theta": 500.0,
        "max_position_embeddings": 64,
        "rope_scaling": {"type": "yarn", "factor": 2.0, "attention_factor": None},
    }
    assert read_rope(raw) == (500.0, RopeScaling("yarn", 2.0, original_length=64))


def test_a_key_of_another_kind_is_refused():
    with pytest.raises(ConfigError, match="'linear' takes the keys"):
        read_rope({"rope_scaling": {"type": "linear", "factor": 2.0, "beta_fast": 3.0}})
