"""How checkpoints hold the family: config and weights."""

from dataclasses import replace
from typing import Any

from hornbook.checkpoints.config_map import Field, Fixed, Inert, extend
from hornbook.checkpoints.weight_map import Row, layer_norm, linear
from hornbook.families.bert import weights as bert
from hornbook.families.heads import vocabulary_rows

CONFIG = extend(
    bert.CONFIG,
    Field("vocab_size", "vocabulary_size", 30000),
    Field("num_hidden_layers", "num_layers", 12),
    Field("num_attention_heads", "num_heads", 64),
    Field("hidden_size", "hidden_dim", 4096),
    Field("intermediate_size", "intermediate_dim", 16384),
    Field("embedding_size", "embedding_dim", 128),
    Field("num_hidden_groups", "num_groups", 1),
    Field("hidden_act", "activation", "gelu_new"),
    Field("hidden_dropout_prob", "dropout", 0.0),
    Field("attention_probs_dropout_prob", "attention_dropout", 0.0),
    Field("bos_token_id", "start_token_id", 2),
    Field("eos_token_id", "end_token_id", 3),
    Fixed("inner_group_num", 1),
    Inert((
        "classifier_dropout_prob", "down_scale_factor", "gap_size", "net_structure_type",
        "num_memory_blocks",
    )),
    without=("is_decoder", "add_cross_attention"),
)  # fmt: skip


def _groups(config: Any) -> range:
    return range(config.num_groups)


_LAYER, _BRICK = "albert.encoder.albert_layer_groups.{i}.albert_layers.0.", "layers_{i}/"
_SHARED = (
    *linear(_LAYER + "attention.query", _BRICK + "attention/query"),
    *linear(_LAYER + "attention.key", _BRICK + "attention/key"),
    *linear(_LAYER + "attention.value", _BRICK + "attention/value"),
    *linear(_LAYER + "attention.dense", _BRICK + "attention/output"),
    *layer_norm(_LAYER + "attention.LayerNorm", _BRICK + "attention_norm"),
    *linear(_LAYER + "ffn", _BRICK + "feed_forward/up"),
    *linear(_LAYER + "ffn_output", _BRICK + "feed_forward/down"),
    *layer_norm(_LAYER + "full_layer_layer_norm", _BRICK + "feed_forward_norm"),
)

WEIGHTS: tuple[Row, ...] = (
    *bert.embeddings("albert"),
    *linear("albert.encoder.embedding_hidden_mapping_in", "input_projection"),
    *(replace(row, layers=_groups) for row in _SHARED),
    *linear("albert.pooler", "pooler"),
)

VOCABULARY = vocabulary_rows(
    "predictions.dense", "predictions.LayerNorm", "predictions.decoder", "predictions.bias"
)
