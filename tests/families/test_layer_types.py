"""Windows of layers, from lists in files and rules of families."""

from dataclasses import dataclass

import pytest

from hornbook.checkpoints.config_map import Field, read_config, write_config
from hornbook.checkpoints.layer_pattern import listed_layers
from hornbook.errors import ConfigError
from hornbook.families.layer_types import (
    FULL,
    SLIDING,
    WindowedLayers,
    layer_types,
    switched_window,
)

pytestmark = pytest.mark.backend_free


@dataclass(frozen=True, kw_only=True)
class Config(WindowedLayers):
    """A config.

    Attributes:
        num_layers: number of layers.
    """

    num_layers: int = 3


ROWS = (
    Field("num_hidden_layers", "num_layers"),
    layer_types(lambda raw: [SLIDING] * raw["num_hidden_layers"]),
    *switched_window(7),
)


def read(**raw):
    return read_config({"num_hidden_layers": 3, **raw}, ROWS, Config)


def test_a_list_is_a_repeated_pattern():
    config = read(layer_types=[FULL, SLIDING, FULL], use_sliding_window=True, sliding_window=5)
    assert config == Config(layer_types=(FULL, SLIDING), sliding_window=5)
    assert [config.window(i) for i in range(3)] == [None, 5, None]
    written = write_config(config, ROWS, "")
    assert written["layer_types"] == [FULL, SLIDING, FULL]
    assert (written["use_sliding_window"], written["sliding_window"]) == (True, 5)


def test_a_file_without_a_list_follows_the_rule():
    assert read(use_sliding_window=True) == Config(layer_types=(SLIDING,), sliding_window=7)
    assert read().sliding_window is None


def test_a_window_needs_a_length():
    with pytest.raises(ValueError, match="Layer 1 has a window, but sliding_window is None"):
        Config(layer_types=(FULL, SLIDING)).window(1)
    with pytest.raises(ValueError, match="Layer 0 is of type 'abacus'"):
        Config(layer_types=("abacus",)).window(0)


@pytest.mark.parametrize(
    ("types", "match"),
    [([FULL, "abacus", FULL], "has 'abacus', but only"), ([FULL], "has 1 layers, but")],
)
def test_a_list_that_is_wrong_is_an_error(types, match):
    with pytest.raises(ConfigError, match=match):
        read(layer_types=types)


def test_a_list_of_choices_may_be_longer_than_the_model():
    raw = {"num_hidden_layers": 2, "choices": [1, 0, 1]}
    assert listed_layers(raw, "choices") == [1, 0]
    assert listed_layers(raw, "others") is None
    with pytest.raises(ConfigError, match="'choices' has 3 layers, but 'num_hidden_layers' is 4"):
        listed_layers({**raw, "num_hidden_layers": 4}, "choices")


def test_a_config_describes_what_it_inherits():
    attributes = Config.__doc__.partition("Attributes:")[2]
    assert Config.__doc__.startswith("A config.\n")
    assert [line.split(":")[0].strip() for line in attributes.splitlines() if ":" in line] == [
        "sliding_window", "layer_types", "num_layers",
    ]  # fmt: skip
