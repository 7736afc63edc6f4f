"""How checkpoints hold the family: config and weights."""

from collections.abc import Mapping
from typing import Any

from hornbook.checkpoints.config_map import Conversion, Field, Inert, extend
from hornbook.checkpoints.weight_map import Row, linear
from hornbook.families.bert import weights as bert
from hornbook.families.heads import vocabulary_rows


def _read_length(raw: Mapping[str, Any]) -> int:
    return int(raw.get("max_position_embeddings", 512)) - _unused(raw.get("pad_token_id", 1))


def _write_length(config: Any) -> int:
    return int(config.max_sequence_length) + _unused(config.pad_token_id)


def _unused(padding: int | None) -> int:
    """How many rows the position embedding has before that of the first token."""
    return 0 if padding is None else padding + 1


CONFIG = extend(
    bert.CONFIG,
    Field("vocab_size", "vocabulary_size", 50265),
    Field(
        "max_position_embeddings", "max_sequence_length", 512,
        Conversion(_read_length, _write_length, whole=True),
    ),
    Field("bos_token_id", "start_token_id", 0),
    Field("eos_token_id", "end_token_id", 2),
    Field("pad_token_id", "pad_token_id", 1),
    Inert(("_num_labels", "output_past")),
)  # fmt: skip

WEIGHTS: tuple[Row, ...] = (
    *bert.embeddings("roberta"),
    *bert.layers("roberta"),
    *linear("roberta.pooler.dense", "pooler"),
)

VOCABULARY = vocabulary_rows(
    "lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head.bias"
)
CLASSIFIER = (
    *linear("classifier.dense", "transform"),
    *linear("classifier.out_proj", "classifier"),
)
