"""Models over several devices: one table says how each brick's weights are split."""

from typing import Any

from hornbook.lazy import load

_EXPORTS = {"layout_map": "hornbook.distribution.layout"}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
