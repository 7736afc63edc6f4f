"""How checkpoints hold the family. Queries, keys and values are fused, group by group."""

from typing import Any

from hornbook.checkpoints.config_map import Field, Fixed, Inert
from hornbook.checkpoints.rope_config import ROPE
from hornbook.checkpoints.weight_map import Map, flag, layer_norm, linear
from hornbook.checkpoints.weight_ops import SplitHeadGroups
from hornbook.families.falcon.model import has_two_norms, key_value_heads


def _norms(raw: dict[str, Any]) -> int | None:
    return 2 if raw.get("new_decoder_architecture") else None


CONFIG = (
    Field("vocab_size", "vocabulary_size"),
    Field("num_hidden_layers", "num_layers"),
    Field("num_attention_heads", "num_query_heads"),
    Field("num_kv_heads", "num_key_value_heads", lambda raw: raw["num_attention_heads"]),
    Field("hidden_size", "hidden_dim"),
    Field("ffn_hidden_size", "intermediate_dim", lambda raw: 4 * raw["hidden_size"]),
    Field("max_position_embeddings", "max_sequence_length", 2048),
    Field("activation", "activation", "gelu"),
    Field("new_decoder_architecture", "new_decoder_architecture", False),
    Field("multi_query", "multi_query", True),
    Field("parallel_attn", "parallel", True),
    Field("num_ln_in_parallel_attn", "num_parallel_norms", _norms),
    Field("alibi", "alibi", False),
    ROPE,
    Field("layer_norm_epsilon", "layer_norm_epsilon", 1e-5),
    Field("bias", "use_bias", False),
    Field("hidden_dropout", "dropout", 0.0),
    Field("attention_dropout", "attention_dropout", 0.0),
    Field("tie_word_embeddings", "tie_word_embeddings", True),
    Field("initializer_range", "initializer_range", 0.02),
    Field("bos_token_id", "start_token_id", 11),
    Field("eos_token_id", "end_token_id", 11),
    Field("pad_token_id", "pad_token_id", None),
    Fixed("apply_residual_connection_post_layernorm", False, written=False),
    Inert(("ff_factor",)),
)


def _one_norm(config: Any) -> bool:
    return not has_two_norms(config)


def _sequential(config: Any) -> bool:
    return not config.parallel


_LAYER, _BRICK = "transformer.h.{i}.", "layers_{i}/"
_BIAS = flag("use_bias")

WEIGHTS = (
    Map("transformer.word_embeddings.weight", "token_embedding/embeddings"),
    *layer_norm(_LAYER + "input_layernorm", _BRICK + "attention_norm", when=_one_norm),
    *layer_norm(_LAYER + "ln_attn", _BRICK + "attention_norm", when=has_two_norms),
    *layer_norm(_LAYER + "ln_mlp", _BRICK + "feed_forward_norm", when=has_two_norms),
    *layer_norm(
        _LAYER + "post_attention_layernorm", _BRICK + "feed_forward_norm", when=_sequential
    ),
    *linear(
        _LAYER + "self_attention.query_key_value",
        tuple(f"{_BRICK}attention/{name}" for name in ("query", "key", "value")),
        SplitHeadGroups(lambda config: config.num_query_heads, key_value_heads),
        bias=_BIAS,
    ),
    *linear(_LAYER + "self_attention.dense", _BRICK + "attention/output", bias=_BIAS),
    *linear(_LAYER + "mlp.dense_h_to_4h", _BRICK + "feed_forward/up", bias=_BIAS),
    *linear(_LAYER + "mlp.dense_4h_to_h", _BRICK + "feed_forward/down", bias=_BIAS),
    *layer_norm("transformer.ln_f", "final_norm"),
)
