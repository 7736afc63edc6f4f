"""How checkpoints hold the family: config and weights, in Hugging Face's format and in GGUF."""

from collections.abc import Mapping
from typing import Any

from hornbook.checkpoints import gguf_decoder
from hornbook.checkpoints.config_map import Field, Fixed, Inert, extend
from hornbook.checkpoints.weight_map import always
from hornbook.families import gated_decoder_maps as maps
from hornbook.families.family import GGUFFormat
from hornbook.families.layer_types import FULL, SLIDING, layer_types, switched_window


def windowed_above(raw: Mapping[str, Any]) -> list[str]:
    """The types of the layers in a file that doesn't list them."""
    first = raw.get("max_window_layers", 28) if raw.get("use_sliding_window") else None
    if raw.get("sliding_window", 4096) is None:
        first = None
    layers = range(raw["num_hidden_layers"])
    return [FULL if first is None or i < first else SLIDING for i in layers]


CONFIG = extend(
    maps.CONFIG,
    Field("num_key_value_heads", "num_key_value_heads", 32),
    Field("max_position_embeddings", "max_sequence_length", 32768),
    Field("bos_token_id", "start_token_id", None),
    Field("eos_token_id", "end_token_id", None),
    *switched_window(4096),
    layer_types(windowed_above),
    Fixed("use_mrope", False, written=False),
    Inert(("max_window_layers",)),  # which the list of layer types has made superfluous
)

WEIGHTS = (
    *maps.FRAME,
    *maps.PRE_NORMS,
    *maps.attention(always, output_bias=maps.never),
    *maps.feed_forward(),
)

GGUF = GGUFFormat(
    architectures=("qwen2",),
    config=extend(gguf_decoder.EVEN_HEADS, *gguf_decoder.NO_TOKENS),
    weights=(*gguf_decoder.weights(), *gguf_decoder.INPUT_BIASES),
    heads=gguf_decoder.HEADS,
)
