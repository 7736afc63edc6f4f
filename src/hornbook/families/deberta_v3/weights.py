"""How checkpoints hold the family: config and weights."""

from hornbook.checkpoints.config_map import POSITIVE, Conversion, Field, Fixed, Inert, extend
from hornbook.checkpoints.weight_map import Drop, Map, Row, layer_norm, linear, weight_and_bias
from hornbook.families.bert import weights as bert
from hornbook.families.heads import either


def _read_attention(value: str | list[str]) -> tuple[str, ...]:
    parts = value.lower().split("|") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts)


_LM_HEAD = "lm_predictions.lm_head."

CONFIG = extend(
    bert.CONFIG,
    Field("max_relative_positions", "max_distance", -1, POSITIVE),
    Field("position_buckets", "bucket_size", -1, POSITIVE),
    Field("pos_att_type", "position_attention", conversion=Conversion(_read_attention, list)),
    Field("layer_norm_eps", "layer_norm_epsilon", 1e-7),
    Fixed("relative_attention", True, absent=False),
    Fixed("share_att_key", True, absent=False),
    Fixed("norm_rel_ebd", "layer_norm", absent="none"),
    Fixed("position_biased_input", False, absent=True),
    Fixed("type_vocab_size", 0),
    Fixed("conv_kernel_size", 0, written=False),
    Fixed("pooler_hidden_act", "gelu"),
    Fixed("pooler_dropout", 0.0),
    Field("legacy", "legacy", lambda raw: f"{_LM_HEAD}bias" not in raw.get("tensors", ())),
    Inert(("cls_dropout", "conv_act", "conv_groups", "pooler_hidden_size")),
    without=("add_cross_attention", "is_decoder", "position_embedding_type"),
)

_ENCODER = "deberta.encoder."
_LAYER, _BRICK = _ENCODER + "layer.{i}.", "layers_{i}/"

WEIGHTS: tuple[Row, ...] = (
    Map("deberta.embeddings.word_embeddings.weight", "token_embedding/embeddings"),
    *layer_norm("deberta.embeddings.LayerNorm", "embedding_norm"),
    Map(_ENCODER + "rel_embeddings.weight", "distances/position_embedding/embeddings"),
    *layer_norm(_ENCODER + "LayerNorm", "distances/embedding_norm"),
    *linear(_LAYER + "attention.self.query_proj", _BRICK + "attention/query"),
    *linear(_LAYER + "attention.self.key_proj", _BRICK + "attention/key"),
    *linear(_LAYER + "attention.self.value_proj", _BRICK + "attention/value"),
    *linear(_LAYER + "attention.output.dense", _BRICK + "attention/output"),
    *layer_norm(_LAYER + "attention.output.LayerNorm", _BRICK + "attention_norm"),
    *linear(_LAYER + "intermediate.dense", _BRICK + "feed_forward/up"),
    *linear(_LAYER + "output.dense", _BRICK + "feed_forward/down"),
    *layer_norm(_LAYER + "output.LayerNorm", _BRICK + "feed_forward_norm"),
    Drop("deberta.embeddings.position_ids", "the numbers from 0 on"),
    Drop(
        ("deberta.embeddings.position_embeddings.weight",
         "deberta.embeddings.position_embeddings._weight"),
        "positions are relative",
    ),
    Drop("deberta.embeddings.word_embeddings._weight", "pretraining added it to the embedding"),
    Drop(
        weight_and_bias("dense", "LayerNorm", "classifier", of="mask_predictions."),
        "tells which tokens were replaced, which transformers has no class for",
    ),
)  # fmt: skip

VOCABULARY = either("legacy", bert.VOCABULARY, (
    *linear(f"{_LM_HEAD}dense", "transform"),
    *layer_norm(f"{_LM_HEAD}LayerNorm", "transform_norm"),
    Map(f"{_LM_HEAD}bias", "lm_head/bias"),
))  # fmt: skip
POOLED = (*linear("pooler.dense", "transform"), *linear("classifier", "classifier"))
