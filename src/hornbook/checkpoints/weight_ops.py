"""What happens to tensors between a checkpoint and the variables; each op carries its inverse.

An op maps the arrays of a row's tensors to the arrays of its variables. `config` is the family's
config, from which an op takes the sizes that it needs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Arrays = list[np.ndarray]


class Op(Protocol):
    """A transform of arrays and its inverse."""

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        """From the checkpoint's tensors to the variables' values."""

    def write(self, values: Arrays, config: Any) -> Arrays:
        """From the variables' values to the checkpoint's tensors."""


@dataclass(frozen=True)
class Identity:
    """The tensor is the variable."""

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        return tensors

    def write(self, values: Arrays, config: Any) -> Arrays:
        return values


@dataclass(frozen=True)
class Transpose:
    """The matrix is stored the other way round: [inputs, outputs]."""

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        return [tensor.T for tensor in tensors]

    def write(self, values: Arrays, config: Any) -> Arrays:
        return [value.T for value in values]


@dataclass(frozen=True)
class Split:
    """One tensor holds several variables side by side along its first axis.

    `sizes` gives their lengths from the config.
    """

    sizes: Callable[[Any], Sequence[int]]

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        (tensor,) = tensors
        borders = np.cumsum(self.sizes(config))
        if tensor.shape[0] != borders[-1]:
            raise ValueError(f"its first axis is {tensor.shape[0]}, expected {borders[-1]}")
        return list(np.split(tensor, borders[:-1], axis=0))

    def write(self, values: Arrays, config: Any) -> Arrays:
        return [np.concatenate(values, axis=0)]


@dataclass(frozen=True)
class InterleaveRope:
    """Rotary features are stored pairwise (x0 y0 x1 y1) where the bricks keep halves (x0 x1 y0 y1).

    `heads` gives the number of heads from the config. llama.cpp stores queries and keys so.
    """

    heads: Callable[[Any], int]

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        return [self._swap(tensor, (-1, 2), config) for tensor in tensors]

    def write(self, values: Arrays, config: Any) -> Arrays:
        return [self._swap(value, (2, -1), config) for value in values]

    def _swap(self, array: np.ndarray, pairs: tuple[int, int], config: Any) -> np.ndarray:
        rows, *rest = array.shape
        return array.reshape(self.heads(config), *pairs, *rest).swapaxes(1, 2).reshape(rows, *rest)


@dataclass(frozen=True)
class Chain:
    """Several ops, in the order in which they read."""

    ops: tuple[Op, ...]

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        for op in self.ops:
            tensors = op.read(tensors, config)
        return tensors

    def write(self, values: Arrays, config: Any) -> Arrays:
        for op in reversed(self.ops):
            values = op.write(values, config)
        return values
