"""How checkpoints hold the decoders of `gated_decoder`: rows that families put together."""

from collections.abc import Callable, Mapping
from typing import Any

from hornbook.checkpoints.config_map import Field
from hornbook.checkpoints.rope_config import ROPE
from hornbook.checkpoints.weight_map import Drop, Map, Row, linear


def _head_dim(raw: Mapping[str, Any]) -> int:
    return raw["hidden_size"] // raw["num_attention_heads"]


HEAD_DIM = Field("head_dim", "head_dim", _head_dim)
ATTENTION_BIAS = Field("attention_bias", "attention_bias", False)
FEED_FORWARD_BIAS = Field("mlp_bias", "feed_forward_bias", False)

CONFIG = (
    Field("vocab_size", "vocabulary_size"),
    Field("num_hidden_layers", "num_layers"),
    Field("num_attention_heads", "num_query_heads"),
    Field("num_key_value_heads", "num_key_value_heads", lambda raw: raw["num_attention_heads"]),
    Field("hidden_size", "hidden_dim"),
    Field("intermediate_size", "intermediate_dim"),
    Field("max_position_embeddings", "max_sequence_length", 2048),
    ROPE,
    Field("rms_norm_eps", "layer_norm_epsilon", 1e-6),
    Field("hidden_act", "activation", "silu"),
    Field("attention_dropout", "attention_dropout", 0.0),
    Field("tie_word_embeddings", "tie_word_embeddings", False),
    Field("initializer_range", "initializer_range", 0.02),
    Field("bos_token_id", "start_token_id", 1),
    Field("eos_token_id", "end_token_id", 2),
    Field("pad_token_id", "pad_token_id", None),
)
"""The keys that all families have; one with another default replaces the row."""


Condition = Callable[[Any], bool]


def never(config: Any) -> bool:
    """The condition of biases that no model of a family has."""
    return False


def attention_bias(config: Any) -> bool:
    """The condition of the attention's biases."""
    return config.attention_bias


def feed_forward_bias(config: Any) -> bool:
    """The condition of the feed-forward network's biases."""
    return config.feed_forward_bias


LAYER, BRICK = "model.layers.{i}.", "layers_{i}/"

FRAME: tuple[Row, ...] = (
    Map("model.embed_tokens.weight", "token_embedding/embeddings"),
    Map("model.norm.weight", "final_norm/scale"),
    Drop("model.layers.{i}.self_attn.rotary_emb.inv_freq", "computed from the config"),
)
"""What is around the layers."""

PRE_NORMS = (
    Map(LAYER + "input_layernorm.weight", BRICK + "attention_norm/scale"),
    Map(LAYER + "post_attention_layernorm.weight", BRICK + "feed_forward_norm/scale"),
)


def attention(bias: Condition = never, output_bias: Condition | None = None) -> tuple[Map, ...]:
    """A layer's attention, of which the last projection has a bias where the others have one."""
    tensor, brick = LAYER + "self_attn.", BRICK + "attention/"
    return (
        *linear(tensor + "q_proj", brick + "query", bias=bias),
        *linear(tensor + "k_proj", brick + "key", bias=bias),
        *linear(tensor + "v_proj", brick + "value", bias=bias),
        *linear(tensor + "o_proj", brick + "output", bias=output_bias or bias),
    )


HEAD_NORMS = (
    Map(LAYER + "self_attn.q_norm.weight", BRICK + "attention/query_norm/scale"),
    Map(LAYER + "self_attn.k_norm.weight", BRICK + "attention/key_norm/scale"),
)
"""Norms of queries and keys."""


def feed_forward(bias: Condition = never) -> tuple[Map, ...]:
    """A layer's gated network."""
    tensor, brick = LAYER + "mlp.", BRICK + "feed_forward/"
    return (
        *linear(tensor + "gate_proj", brick + "gate", bias=bias),
        *linear(tensor + "up_proj", brick + "up", bias=bias),
        *linear(tensor + "down_proj", brick + "down", bias=bias),
    )
