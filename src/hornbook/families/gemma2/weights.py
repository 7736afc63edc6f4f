"""How checkpoints hold the family: config and weights, in Hugging Face's format and in GGUF."""

from collections.abc import Mapping
from typing import Any

from hornbook.checkpoints import gguf_decoder
from hornbook.checkpoints.config_map import Field, Inert, extend
from hornbook.checkpoints.weight_map import Map
from hornbook.families import gated_decoder_maps as maps
from hornbook.families.family import GGUFFormat
from hornbook.families.gated_decoder_maps import BRICK, LAYER
from hornbook.families.gemma import weights as gemma
from hornbook.families.layer_types import FULL, SLIDING, layer_types


def alternating(raw: Mapping[str, Any]) -> list[str]:
    """The types of the layers in a file that doesn't list them."""
    return [FULL if i % 2 else SLIDING for i in range(raw["num_hidden_layers"])]


CONFIG = extend(
    gemma.CONFIG,
    Field("num_key_value_heads", "num_key_value_heads", 4),
    Field("hidden_activation", "activation", "gelu_pytorch_tanh"),
    Field("query_pre_attn_scalar", "query_pre_attn_scalar", 256),
    Field("attn_logit_softcapping", "attention_logit_softcap", 50.0),
    Field("final_logit_softcapping", "final_logit_softcap", 30.0),
    Field("sliding_window", "sliding_window", 4096),
    layer_types(alternating),
    Inert(("hidden_act", "cache_implementation")),
    without=("hidden_act",),
)

NORMS = (
    Map(LAYER + "input_layernorm.weight", BRICK + "attention_norm/scale"),
    Map(LAYER + "post_attention_layernorm.weight", BRICK + "attention_output_norm/scale"),
    Map(LAYER + "pre_feedforward_layernorm.weight", BRICK + "feed_forward_norm/scale"),
    Map(LAYER + "post_feedforward_layernorm.weight", BRICK + "feed_forward_output_norm/scale"),
)

WEIGHTS = (
    *maps.FRAME,
    *NORMS,
    *maps.attention(maps.attention_bias),
    *maps.feed_forward(),
)


def scalar_field(layers_of_largest: int) -> Field:
    """What the files don't say: llama.cpp knows it by the number of layers.

    Args:
        layers_of_largest: how many the 27B model has, which divides by its own number.
    """

    def read(raw: Mapping[str, Any]) -> int:
        if raw["{arch}.block_count"] == layers_of_largest:
            return raw["{arch}.embedding_length"] // raw["{arch}.attention.head_count"]
        return raw["{arch}.attention.key_length"]

    return Field("query_pre_attn_scalar", "query_pre_attn_scalar", read)


GGUF = GGUFFormat(
    architectures=("gemma2",),
    config=extend(
        gemma.GGUF.config,
        Field("{arch}.attention.sliding_window", "sliding_window", 4096),
        Field("{arch}.attn_logit_softcapping", "attention_logit_softcap", 50.0),
        Field("{arch}.final_logit_softcapping", "final_logit_softcap", 30.0),
        scalar_field(layers_of_largest=46),
    ),
    weights=(
        *gguf_decoder.weights(norm_op=gemma.RAISED),
        *gguf_decoder.output_norms(gemma.RAISED),
    ),
    heads=gguf_decoder.HEADS,
)
