"""Checkpoints: where a model's tensors come from, and how they are written.

Everything here loads on first use; importing this namespace imports neither Keras nor a backend.
"""

import importlib
from typing import Any

_EXPORTS = {
    "GGUFFile": "hornbook.checkpoints.gguf",
    "Preset": "hornbook.checkpoints.source",
    "SafetensorsFolder": "hornbook.checkpoints.safetensors_files",
    "TensorSource": "hornbook.checkpoints.checkpoint",
    "resolve": "hornbook.checkpoints.source",
    "write_safetensors": "hornbook.checkpoints.safetensors_files",
}
__all__ = list(_EXPORTS)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'hornbook.checkpoints' has no attribute '{name}'")
    return getattr(importlib.import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
