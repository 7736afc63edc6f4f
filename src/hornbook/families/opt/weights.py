"""How checkpoints hold the family."""

from typing import Any

from hornbook.checkpoints.config_map import Field, Fixed, Inert
from hornbook.checkpoints.weight_map import Map, layer_norm, linear
from hornbook.families.opt.model import is_projected


def _hidden_size(raw: dict[str, Any]) -> int:
    return raw.get("hidden_size", 768)


CONFIG = (
    Field("vocab_size", "vocabulary_size", 50272),
    Field("num_hidden_layers", "num_layers", 12),
    Field("num_attention_heads", "num_heads", 12),
    Field("hidden_size", "hidden_dim", 768),
    Field("ffn_dim", "intermediate_dim", 3072),
    Field("word_embed_proj_dim", "embedding_dim", _hidden_size),
    Field("max_position_embeddings", "max_sequence_length", 2048),
    Field("activation_function", "activation", "relu"),
    Field("do_layer_norm_before", "norm_first", True),
    Field("enable_bias", "use_bias", True),
    Field("dropout", "dropout", 0.1),
    Field("attention_dropout", "attention_dropout", 0.0),
    Field("tie_word_embeddings", "tie_word_embeddings", True),
    Field("init_std", "initializer_range", 0.02),
    Field("bos_token_id", "start_token_id", 2),
    Field("eos_token_id", "end_token_id", 2),
    Field("pad_token_id", "pad_token_id", 1),
    Fixed("layer_norm_elementwise_affine", True),
    Fixed("_remove_final_layer_norm", False),
    Fixed("layerdrop", 0.0),
    Fixed("activation_dropout", 0.0, written=False),
    Inert(("prefix",)),
)


def _norm_first(config: Any) -> bool:
    return config.norm_first


def _use_bias(config: Any) -> bool:
    return config.use_bias


_DECODER = "model.decoder."
_LAYER, _BRICK = _DECODER + "layers.{i}.", "layers_{i}/"

WEIGHTS = (
    Map(_DECODER + "embed_tokens.weight", "token_embedding/embeddings"),
    Map(_DECODER + "embed_positions.weight", "position_embedding/embeddings"),
    Map(_DECODER + "project_in.weight", "input_projection/kernel", when=is_projected),
    *linear(_LAYER + "self_attn.q_proj", _BRICK + "attention/query", bias=_use_bias),
    *linear(_LAYER + "self_attn.k_proj", _BRICK + "attention/key", bias=_use_bias),
    *linear(_LAYER + "self_attn.v_proj", _BRICK + "attention/value", bias=_use_bias),
    *linear(_LAYER + "self_attn.out_proj", _BRICK + "attention/output", bias=_use_bias),
    *layer_norm(_LAYER + "self_attn_layer_norm", _BRICK + "attention_norm"),
    *linear(_LAYER + "fc1", _BRICK + "feed_forward/up", bias=_use_bias),
    *linear(_LAYER + "fc2", _BRICK + "feed_forward/down", bias=_use_bias),
    *layer_norm(_LAYER + "final_layer_norm", _BRICK + "feed_forward_norm"),
    Map(_DECODER + "final_layer_norm.weight", "final_norm/scale", when=_norm_first),
    Map(_DECODER + "final_layer_norm.bias", "final_norm/bias", when=_norm_first),
    Map(_DECODER + "project_out.weight", "output_projection/kernel", when=is_projected),
)
