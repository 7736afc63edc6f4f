"""Metrics of text models, imported on first use."""

from typing import Any

from hornbook.lazy import load

_EXPORTS = {
    "AnswerF1": "hornbook.metrics.answers",
    "Bleu": "hornbook.metrics.bleu",
    "EditDistance": "hornbook.metrics.edit_distance",
    "EntityF1": "hornbook.metrics.entity_f1",
    "ExactMatch": "hornbook.metrics.answers",
    "Perplexity": "hornbook.metrics.perplexity",
    "RougeL": "hornbook.metrics.rouge",
    "RougeN": "hornbook.metrics.rouge",
    "SpanAccuracy": "hornbook.metrics.span_accuracy",
    "entities": "hornbook.metrics.entity_tags",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
