"""How checkpoints hold the family: config and weights, in Hugging Face's format and in GGUF."""

from typing import Any

from hornbook.checkpoints import gguf_decoder
from hornbook.checkpoints.config_map import Field, Fixed, Inert
from hornbook.checkpoints.rope_config import ROPE
from hornbook.checkpoints.weight_map import Drop, Map, linear
from hornbook.checkpoints.weight_ops import InterleaveRope
from hornbook.families.family import GGUFFormat


def _head_dim(raw: dict[str, Any]) -> int:
    return raw["hidden_size"] // raw["num_attention_heads"]


CONFIG = (
    Field("vocab_size", "vocabulary_size"),
    Field("num_hidden_layers", "num_layers"),
    Field("num_attention_heads", "num_query_heads"),
    Field("num_key_value_heads", "num_key_value_heads", lambda raw: raw["num_attention_heads"]),
    Field("hidden_size", "hidden_dim"),
    Field("intermediate_size", "intermediate_dim"),
    Field("head_dim", "head_dim", _head_dim),
    Field("max_position_embeddings", "max_sequence_length", 2048),
    ROPE,
    Field("rms_norm_eps", "layer_norm_epsilon", 1e-6),
    Field("hidden_act", "activation", "silu"),
    Field("attention_bias", "attention_bias", False),
    Field("mlp_bias", "feed_forward_bias", False),
    Field("attention_dropout", "attention_dropout", 0.0),
    Field("tie_word_embeddings", "tie_word_embeddings", False),
    Field("initializer_range", "initializer_range", 0.02),
    Field("bos_token_id", "start_token_id", 1),
    Field("eos_token_id", "end_token_id", 2),
    Field("pad_token_id", "pad_token_id", None),
    Fixed("pretraining_tp", 1),
    Fixed("rope_interleaved", False, written=False),
    Inert(("is_llama_config", "max_sequence_length")),
)


def _attention_bias(config: Any) -> bool:
    return config.attention_bias


def _feed_forward_bias(config: Any) -> bool:
    return config.feed_forward_bias


_LAYER, _BRICK = "model.layers.{i}.", "layers_{i}/"

WEIGHTS = (
    Map("model.embed_tokens.weight", "token_embedding/embeddings"),
    Map(_LAYER + "input_layernorm.weight", _BRICK + "attention_norm/scale"),
    *linear(_LAYER + "self_attn.q_proj", _BRICK + "attention/query", bias=_attention_bias),
    *linear(_LAYER + "self_attn.k_proj", _BRICK + "attention/key", bias=_attention_bias),
    *linear(_LAYER + "self_attn.v_proj", _BRICK + "attention/value", bias=_attention_bias),
    *linear(_LAYER + "self_attn.o_proj", _BRICK + "attention/output", bias=_attention_bias),
    Map(_LAYER + "post_attention_layernorm.weight", _BRICK + "feed_forward_norm/scale"),
    *linear(_LAYER + "mlp.gate_proj", _BRICK + "feed_forward/gate", bias=_feed_forward_bias),
    *linear(_LAYER + "mlp.up_proj", _BRICK + "feed_forward/up", bias=_feed_forward_bias),
    *linear(_LAYER + "mlp.down_proj", _BRICK + "feed_forward/down", bias=_feed_forward_bias),
    Map("model.norm.weight", "final_norm/scale"),
    Drop("model.layers.{i}.self_attn.rotary_emb.inv_freq", "computed from the config"),
)

GGUF = GGUFFormat(
    architectures=("llama",),
    config=gguf_decoder.CONFIG,
    weights=gguf_decoder.weights(
        InterleaveRope(lambda config: config.num_query_heads),
        InterleaveRope(lambda config: config.num_key_value_heads),
    ),
    heads=gguf_decoder.HEADS,
)
