"""What a checkpoint's file format offers to the weight maps: named tensors, read one at a time."""

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hornbook.errors import CheckpointError


class TensorSource(Protocol):
    """Named tensors of a checkpoint, each read only when it is asked for.

    Shapes are row-major, as numpy, torch and Hugging Face write them: a linear layer's weight is
    [output features, input features].
    """

    def names(self) -> Collection[str]:
        """The tensors' names, in the file's order."""
        ...

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, without reading it."""
        ...

    def read(self, name: str) -> np.ndarray[Any, np.dtype[Any]]:
        """The values of a tensor: floats as they are stored, or float32 if they were quantized.

        The array is read-only and, wherever possible, a view of the file's memory map. Drop it
        when its values have been copied: its pages then go back to the system.
        """
        ...


def unknown_tensor(path: Path, name: str, names: Collection[str]) -> CheckpointError:
    """The error for a name that a checkpoint doesn't hold, with the names closest to it."""
    close = get_close_matches(name, list(names), n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return CheckpointError(f"{path} has no tensor '{name}' among its {len(names)}{hint}")
