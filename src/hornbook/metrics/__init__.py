"""Metrics of text models, imported on first use."""

from typing import Any

from hornbook.lazy import load

_EXPORTS = {
    "Bleu": "hornbook.metrics.bleu",
    "EditDistance": "hornbook.metrics.edit_distance",
    "Perplexity": "hornbook.metrics.perplexity",
    "RougeL": "hornbook.metrics.rouge",
    "RougeN": "hornbook.metrics.rouge",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
