"""Training losses, imported on first use."""

from typing import Any

from hornbook.lazy import load

_EXPORTS = {
    "BinaryTokenCrossentropy": "hornbook.losses.binary_token_crossentropy",
    "SparseTokenCrossentropy": "hornbook.losses.sparse_token_crossentropy",
    "token_crossentropy": "hornbook.losses.crossentropy",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
