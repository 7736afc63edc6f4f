"""What turns text into a model's inputs. Nothing here needs Keras or a backend."""

from typing import Any

from hornbook.lazy import load

_EXPORTS = {
    "CausalLMPreprocessor": "hornbook.preprocessing.causal_lm",
    "EncoderPreprocessor": "hornbook.preprocessing.encoder",
    "Preprocessor": "hornbook.preprocessing.preprocessor",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
