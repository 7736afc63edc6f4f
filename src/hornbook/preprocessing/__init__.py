"""What turns text into a model's inputs. Nothing here needs Keras or a backend."""

import importlib
from typing import Any

_EXPORTS = {
    "CausalLMPreprocessor": "hornbook.preprocessing.causal_lm",
    "EncoderPreprocessor": "hornbook.preprocessing.encoder",
    "Preprocessor": "hornbook.preprocessing.preprocessor",
}
__all__ = list(_EXPORTS)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'hornbook.preprocessing' has no attribute '{name}'")
    return getattr(importlib.import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
