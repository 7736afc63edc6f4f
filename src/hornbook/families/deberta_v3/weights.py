"""How checkpoints hold the family: config and weights."""

from hornbook.checkpoints.config_map import Conversion, Field, Fixed, Inert, extend
from hornbook.checkpoints.weight_map import Drop, Map, Row, layer_norm, linear
from hornbook.families.bert import weights as bert


def _read_attention(value: str | list[str]) -> tuple[str, ...]:
    parts = value.lower().split("|") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts)


def _read_size(value: int) -> int | None:
    return value if value > 0 else None


def _write_size(value: int | None) -> int:
    return value or -1


_SIZE = Conversion(_read_size, _write_size)

CONFIG = extend(
    bert.CONFIG,
    Field("max_relative_positions", "max_distance", -1, _SIZE),
    Field("position_buckets", "bucket_size", -1, _SIZE),
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
    Fixed("legacy", True),
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
    Drop("deberta.embeddings.position_embeddings.weight", "positions are relative"),
    *(
        Drop(f"{head}.{name}", "a pretraining head, which transformers has no class for")
        for head, names in {
            "lm_predictions.lm_head": ("bias", "dense.weight", "dense.bias"),
            "mask_predictions": (
                "dense.weight", "dense.bias", "classifier.weight", "classifier.bias",
            ),
        }.items()
        for name in (*names, "LayerNorm.weight", "LayerNorm.bias")
    ),
)  # fmt: skip

POOLED = (*linear("pooler.dense", "transform"), *linear("classifier", "classifier"))
