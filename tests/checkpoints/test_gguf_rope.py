"""Scalings of rotary frequencies in GGUF's metadata, and in its tensor of factors."""

from dataclasses import dataclass

import numpy as np
import pytest

from hornbook.checkpoints.config_map import read_config, write_config
from hornbook.checkpoints.gguf_rope import FACTORS, SCALING, read_scaling
from hornbook.errors import ConfigError
from hornbook.layers.rope_scaling import RopeScaling

pytestmark = pytest.mark.backend_free


@dataclass(frozen=True)
class Config:
    rope_scaling: RopeScaling | None
    head_dim: int = 64
    rope_max_wavelength: float = 500000.0


def file(scaling):
    written = write_config(Config(scaling), SCALING, "")
    return {"{arch}.rope.freq_base": 500000.0, **written}


@pytest.mark.parametrize(
    "scaling",
    [
        None,
        RopeScaling("linear", 8.0),
        RopeScaling("yarn", 4.0, original_length=32768),
        RopeScaling("llama3", 32.0, 1.0, 4.0, 8192),
    ],
    ids=["none", "linear", "yarn", "smooth"],
)
def test_what_is_written_is_read(scaling):
    raw = file(scaling)
    assert read_scaling(raw) == scaling
    # The base isn't among these rows.
    del raw["{arch}.rope.freq_base"]
    if scaling is None:
        assert read_config(raw, SCALING, lambda rope_scaling: rope_scaling) is None


def test_other_factors_are_kept_one_by_one():
    factors = np.linspace(1.0, 3.0, 32)
    scaling = read_scaling({FACTORS: factors.astype("float32")})
    frequencies = 10000.0 ** -(np.arange(32) / 32)
    for longest in (10, 100000):
        fixed = scaling.for_length(longest)
        np.testing.assert_allclose(fixed.apply(frequencies, 10000.0), frequencies / factors, 1e-6)
        assert fixed.amplitude == 1.0


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        ({"{arch}.rope.scaling.type": "abacus"}, "'abacus' is not supported"),
        ({"{arch}.rope.scaling.type": "linear"}, "factor"),
        ({"{arch}.rope.scaling.type": "yarn", "{arch}.rope.scaling.factor": 2.0}, "context_length"),
        ({"{arch}.rope.scaling.type": "linear", FACTORS: np.ones(4)}, "at once"),
    ],
)
def test_what_is_not_understood_is_named(raw, match):
    with pytest.raises(ConfigError, match=match):
        read_scaling(raw)
