"""How checkpoints hold the family. Queries, keys and values are fused, head by head."""

from typing import Any

from hornbook.checkpoints.config_map import Field, Inert
from hornbook.checkpoints.rope_config import partial_rope
from hornbook.checkpoints.weight_map import Drop, Map, layer_norm, linear
from hornbook.checkpoints.weight_ops import SplitHeadGroups

CONFIG = (
    Field("vocab_size", "vocabulary_size"),
    Field("num_hidden_layers", "num_layers"),
    Field("num_attention_heads", "num_heads"),
    Field("hidden_size", "hidden_dim"),
    Field("intermediate_size", "intermediate_dim"),
    Field("max_position_embeddings", "max_sequence_length", 2048),
    Field("hidden_act", "activation", "gelu"),
    Field("use_parallel_residual", "parallel", True),
    partial_rope(0.25, share_key="rotary_pct", wavelength_key="rotary_emb_base"),
    Field("layer_norm_eps", "layer_norm_epsilon", 1e-5),
    Field("attention_bias", "attention_bias", True),
    Field("hidden_dropout", "dropout", 0.0),
    Field("attention_dropout", "attention_dropout", 0.0),
    Field("tie_word_embeddings", "tie_word_embeddings", False),
    Field("initializer_range", "initializer_range", 0.02),
    Field("bos_token_id", "start_token_id", 0),
    Field("eos_token_id", "end_token_id", 2),
    Field("pad_token_id", "pad_token_id", None),
    Inert(("attention_probs_dropout_prob", "hidden_dropout_prob", "is_decoder")),
)


def _attention_bias(config: Any) -> bool:
    return config.attention_bias


def _heads(config: Any) -> int:
    return config.num_heads


_LAYER, _BRICK = "gpt_neox.layers.{i}.", "layers_{i}/"

WEIGHTS = (
    Map("gpt_neox.embed_in.weight", "token_embedding/embeddings"),
    *layer_norm(_LAYER + "input_layernorm", _BRICK + "attention_norm"),
    *linear(
        _LAYER + "attention.query_key_value",
        tuple(f"{_BRICK}attention/{name}" for name in ("query", "key", "value")),
        SplitHeadGroups(_heads, _heads),
        bias=_attention_bias,
    ),
    *linear(_LAYER + "attention.dense", _BRICK + "attention/output", bias=_attention_bias),
    *layer_norm(_LAYER + "post_attention_layernorm", _BRICK + "feed_forward_norm"),
    *linear(_LAYER + "mlp.dense_h_to_4h", _BRICK + "feed_forward/up"),
    *linear(_LAYER + "mlp.dense_4h_to_h", _BRICK + "feed_forward/down"),
    *layer_norm("gpt_neox.final_layer_norm", "final_norm"),
    Drop(_LAYER + "attention.bias", "the causal mask, computed here"),
    Drop(_LAYER + "attention.masked_bias", "a constant, -1e9"),
    Drop(_LAYER + "attention.rotary_emb.inv_freq", "computed from the config"),
)
