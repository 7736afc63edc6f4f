"""Training: data pipelines between text and `fit`, callbacks, learning curves."""

import importlib
from typing import Any

_EXPORTS = {
    "TextSampler": "hornbook.training.text_sampler",
    "make_windows": "hornbook.training.corpus",
    "plot_history": "hornbook.training.learning_curves",
    "prepare": "hornbook.training.data",
    "read_texts": "hornbook.training.corpus",
}
__all__ = list(_EXPORTS)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'hornbook.training' has no attribute '{name}'")
    return getattr(importlib.import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
