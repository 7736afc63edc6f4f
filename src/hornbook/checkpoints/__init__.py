"""Checkpoints: where a model's tensors come from, and how they are written.

Everything here loads on first use; importing this namespace imports neither Keras nor a backend.
"""

from typing import Any

from hornbook.lazy import load

_EXPORTS = {
    "GGUFFile": "hornbook.checkpoints.gguf",
    "Preset": "hornbook.checkpoints.source",
    "SafetensorsFolder": "hornbook.checkpoints.safetensors_files",
    "TensorSource": "hornbook.checkpoints.checkpoint",
    "resolve": "hornbook.checkpoints.source",
    "write_safetensors": "hornbook.checkpoints.safetensors_files",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
