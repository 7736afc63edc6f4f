"""Metrics of text models, imported on first use."""

import importlib
from typing import Any

_EXPORTS = {
    "Perplexity": "hornbook.metrics.perplexity",
}
__all__ = list(_EXPORTS)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'hornbook.metrics' has no attribute '{name}'")
    return getattr(importlib.import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
