"""Training: data pipelines between text and `fit`, preflight, callbacks, learning curves."""

from typing import Any

from hornbook.lazy import load

_EXPORTS = {
    "Finding": "hornbook.training.checks.finding",
    "FirstSteps": "hornbook.training.checks.first_steps",
    "TextSampler": "hornbook.training.text_sampler",
    "make_windows": "hornbook.training.corpus",
    "plot_history": "hornbook.training.learning_curves",
    "preflight": "hornbook.training.checks.preflight",
    "prepare": "hornbook.training.data",
    "read_texts": "hornbook.training.corpus",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
