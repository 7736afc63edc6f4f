"""Metrics of text models, imported on first use."""

from typing import Any

from hornbook.lazy import load

_EXPORTS = {
    "Perplexity": "hornbook.metrics.perplexity",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
