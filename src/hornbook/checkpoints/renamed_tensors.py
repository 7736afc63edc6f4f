"""Tensors under the names that weight maps use, whichever of their variants a checkpoint has."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hornbook.checkpoints.checkpoint import TensorSource

OLD_ENDINGS = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
"""What checkpoints that were converted from TensorFlow call a norm's tensors."""


@dataclass(frozen=True)
class RenamedTensors:
    """A source of tensors under other names.

    Attributes:
        source: the tensors.
        stored: for each name, the one in `source`.
    """

    source: TensorSource
    stored: Mapping[str, str]

    def names(self) -> Collection[str]:
        return self.stored.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        return self.source.shape(self.stored[name])

    def read(self, name: str) -> np.ndarray[Any, np.dtype[Any]]:
        return self.source.read(self.stored[name])


def under_current_names(source: TensorSource, prefix: str) -> RenamedTensors:
    """The tensors named as today, and as in a checkpoint that has a head.

    Args:
        source: the checkpoint.
        prefix: what the names start with beside a head, such as "model."; a checkpoint without a
            head has names without it.
    """
    missing = "" if any(name.startswith(prefix) for name in source.names()) else prefix
    return RenamedTensors(source, {missing + _current(name): name for name in source.names()})


def _current(name: str) -> str:
    for old, new in OLD_ENDINGS.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name
