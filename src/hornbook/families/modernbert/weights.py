"""How checkpoints hold the family: config and weights."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from hornbook.checkpoints.config_map import Field, Fixed, Inert, extend
from hornbook.checkpoints.layer_pattern import repeated_pattern, rope_of_each_kind
from hornbook.checkpoints.weight_map import Map, Row, all_layers, flag, layer_norm, linear
from hornbook.checkpoints.weight_ops import Split
from hornbook.families.bert import weights as bert
from hornbook.families.heads import projection_rows
from hornbook.families.layer_types import FULL, SLIDING, layer_types

_OLD_BASES = {FULL: "global_rope_theta", SLIDING: "local_rope_theta"}


def _default_types(raw: Mapping[str, Any]) -> list[str]:
    pattern = (FULL, *[SLIDING] * (raw.get("global_attn_every_n_layers", 3) - 1))
    return repeated_pattern((pattern, raw["num_hidden_layers"]))


CONFIG = extend(
    bert.CONFIG,
    Field("max_position_embeddings", "max_sequence_length", 8192),
    layer_types(_default_types),
    Field("local_attention", "local_attention", 128),
    Field(
        "rope_parameters", ("global_rope_max_wavelength", "local_rope_max_wavelength"),
        conversion=rope_of_each_kind({FULL: 160000.0, SLIDING: 10000.0}, _OLD_BASES),
        old_keys=tuple(_OLD_BASES.values()),
    ),
    Field("hidden_activation", "activation", "gelu"),
    Field("norm_eps", "layer_norm_epsilon", 1e-5),
    Field("norm_bias", "norm_bias", False),
    Field("attention_bias", "attention_bias", False),
    Field("mlp_bias", "feed_forward_bias", False),
    Field("embedding_dropout", "embedding_dropout", 0.0),
    Field("attention_dropout", "attention_dropout", 0.0),
    Field("mlp_dropout", "feed_forward_dropout", 0.0),
    Field("bos_token_id", "start_token_id", 50281),
    Field("eos_token_id", "end_token_id", 50282),
    Field("pad_token_id", "pad_token_id", 50283),
    Fixed("classifier_activation", "gelu"),
    Fixed("classifier_bias", False),
    Fixed("decoder_bias", True),
    Inert((
        "classifier_pooling", "cls_token_id", "deterministic_flash_attn",
        "global_attn_every_n_layers", "initializer_cutoff_factor", "layer_norm_eps",
        "reference_compile", "repad_logits_with_grad", "sep_token_id",
        "sparse_pred_ignore_index", "sparse_prediction",
    )),
    without=(
        "add_cross_attention", "attention_probs_dropout_prob", "hidden_act",
        "hidden_dropout_prob", "is_decoder", "layer_norm_eps", "type_vocab_size",
    ),
)  # fmt: skip

_ATTENTION, _FEED_FORWARD = flag("attention_bias"), flag("feed_forward_bias")
_norm = partial(layer_norm, bias=flag("norm_bias"))

_LAYER, _BRICK = "model.layers.{i}.", "layers_{i}/"
_THREE = Split(lambda config: (config.hidden_dim,) * 3)
_TWO = Split(lambda config: (config.intermediate_dim,) * 2)
_QUERY_KEY_VALUE = tuple(f"{_BRICK}attention/{name}" for name in ("query", "key", "value"))
_GATE_UP = tuple(f"{_BRICK}feed_forward/{name}" for name in ("gate", "up"))

WEIGHTS: tuple[Row, ...] = (
    Map("model.embeddings.tok_embeddings.weight", "token_embedding/embeddings"),
    *_norm("model.embeddings.norm", "embedding_norm"),
    *_norm(_LAYER + "attn_norm", _BRICK + "attention_norm", layers=lambda c: all_layers(c)[1:]),
    *linear(_LAYER + "attn.Wqkv", _QUERY_KEY_VALUE, _THREE, bias=_ATTENTION),
    *linear(_LAYER + "attn.Wo", _BRICK + "attention/output", bias=_ATTENTION),
    *_norm(_LAYER + "mlp_norm", _BRICK + "feed_forward_norm"),
    *linear(_LAYER + "mlp.Wi", _GATE_UP, _TWO, bias=_FEED_FORWARD),
    *linear(_LAYER + "mlp.Wo", _BRICK + "feed_forward/down", bias=_FEED_FORWARD),
    *_norm("model.final_norm", "final_norm"),
)

_TRANSFORM = (Map("head.dense.weight", "transform/kernel"), *_norm("head.norm", "transform_norm"))
HEAD = (*_TRANSFORM, *linear("classifier", "classifier"))
SPAN = (*_TRANSFORM, *linear("classifier", "span"))
VOCABULARY = (*_TRANSFORM, *projection_rows("decoder"))
