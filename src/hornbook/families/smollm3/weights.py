"""How checkpoints hold the family: config and weights."""

from collections.abc import Mapping
from typing import Any

from hornbook.checkpoints.config_map import Conversion, Field, Inert, extend
from hornbook.checkpoints.layer_pattern import listed_layers, repeated_pattern, shortest_pattern
from hornbook.checkpoints.rope_config import rope
from hornbook.families import gated_decoder_maps as maps
from hornbook.families.layer_types import FULL, SLIDING, layer_types, switched_window


def rotated(raw: Mapping[str, Any]) -> list[bool]:
    """Whether each layer rotates; a file that doesn't list it names the interval of NoPE layers."""
    if (given := listed_layers(raw, "no_rope_layers")) is not None:
        return [bool(choice) for choice in given]
    interval = raw.get("no_rope_layer_interval", 4)
    return [(i + 1) % interval != 0 for i in range(raw["num_hidden_layers"])]


def windowed_without_rope(raw: Mapping[str, Any]) -> list[str]:
    """The types of the layers in a file that doesn't list them."""
    windowed = raw.get("use_sliding_window") and raw.get("sliding_window") is not None
    return [SLIDING if windowed and not rope else FULL for rope in rotated(raw)]


ROPE_LAYERS = Conversion(
    lambda raw: shortest_pattern(rotated(raw)),
    lambda config: [
        int(rope) for rope in repeated_pattern((config.rope_layers, config.num_layers))
    ],
    whole=True,
)

CONFIG = extend(
    maps.CONFIG,
    Field("num_key_value_heads", "num_key_value_heads", 4),
    Field("max_position_embeddings", "max_sequence_length", 32768),
    rope(2000000.0),
    Field("no_rope_layers", "rope_layers", None, ROPE_LAYERS),
    maps.ATTENTION_BIAS,
    maps.FEED_FORWARD_BIAS,
    Field("tie_word_embeddings", "tie_word_embeddings", True),
    Field("bos_token_id", "start_token_id", 128000),
    Field("eos_token_id", "end_token_id", 128001),
    Field("pad_token_id", "pad_token_id", 128004),
    *switched_window(None),
    layer_types(windowed_without_rope),
    Inert(("max_window_layers", "no_rope_layer_interval", "pretraining_tp")),
)

WEIGHTS = (
    *maps.FRAME,
    *maps.PRE_NORMS,
    *maps.attention(maps.attention_bias),
    *maps.feed_forward(maps.feed_forward_bias),
)
