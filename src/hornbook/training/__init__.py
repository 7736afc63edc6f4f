"""Training: data pipelines between text and `fit`, callbacks, learning curves."""

from typing import Any

from hornbook.lazy import load

_EXPORTS = {
    "TextSampler": "hornbook.training.text_sampler",
    "make_windows": "hornbook.training.corpus",
    "plot_history": "hornbook.training.learning_curves",
    "prepare": "hornbook.training.data",
    "read_texts": "hornbook.training.corpus",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
