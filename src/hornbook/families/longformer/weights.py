"""How checkpoints hold the family: config and weights."""

from collections.abc import Mapping
from typing import Any

from hornbook.checkpoints.config_map import Conversion, Field, Fixed, Inert, extend
from hornbook.checkpoints.layer_pattern import repeated_pattern, shortest_pattern
from hornbook.checkpoints.weight_map import Row, linear
from hornbook.families.bert.weights import embeddings, layers
from hornbook.families.roberta import weights as roberta


def _read_window(raw: Mapping[str, Any]) -> tuple[int, ...]:
    window = raw.get("attention_window", 512)
    return (window,) if isinstance(window, int) else shortest_pattern(window)


def _write_window(config: Any) -> list[int]:
    return repeated_pattern((config.attention_window, config.num_layers))


CONFIG = extend(
    roberta.CONFIG,
    Field("vocab_size", "vocabulary_size", 30522),
    Field("sep_token_id", "separator_token_id", 2),
    Field(
        "attention_window", "attention_window", 512,
        Conversion(_read_window, _write_window, whole=True),
    ),
    Fixed("attention_mode", "longformer", written=False),
    Fixed("ignore_attention_mask", False, written=False),
    Inert(("onnx_export",)),
    without=("add_cross_attention", "is_decoder"),
)  # fmt: skip

_LAYER, _BRICK = "longformer.encoder.layer.{i}.attention.self.", "layers_{i}/attention/"

WEIGHTS: tuple[Row, ...] = (
    *embeddings("longformer"),
    *layers("longformer"),
    *(
        row
        for name in ("query", "key", "value")
        for row in linear(f"{_LAYER}{name}_global", f"{_BRICK}global_{name}")
    ),
    *linear("longformer.pooler.dense", "pooler"),
)
