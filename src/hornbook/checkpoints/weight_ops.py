"""What happens to tensors between a checkpoint and the variables; each op carries its inverse.

An op maps the arrays of a row's tensors to the arrays of its variables. `config` is the family's
config, from which an op takes the sizes that it needs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Arrays = list[np.ndarray]


class MisfitError(ValueError):
    """A tensor can't be read: the one at `index` of its row's."""

    def __init__(self, message: str, index: int = 0) -> None:
        super().__init__(message)
        self.index = index


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
class Copies:
    """Several tensors hold the same values, and the first one is read."""

    number: int = 2

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        return tensors[:1]

    def write(self, values: Arrays, config: Any) -> Arrays:
        return values * self.number


@dataclass(frozen=True)
class Stack:
    """Several tensors of one shape are one variable, with a first axis more."""

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        shapes = [tensor.shape for tensor in tensors]
        usual = max(shapes, key=shapes.count)
        for index, shape in enumerate(shapes):
            if shape != usual:
                raise MisfitError(f"its shape is {shape}, that of the others {usual}", index)
        return [np.stack(tensors)]

    def write(self, values: Arrays, config: Any) -> Arrays:
        return list(values[0])


@dataclass(frozen=True)
class Transpose:
    """The matrix is stored the other way round: [inputs, outputs]."""

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        return [tensor.T for tensor in tensors]

    def write(self, values: Arrays, config: Any) -> Arrays:
        return [value.T for value in values]


@dataclass(frozen=True)
class Raised:
    """The tensor is the variable with an amount added to it."""

    amount: float

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        return [tensor - np.asarray(self.amount, tensor.dtype) for tensor in tensors]

    def write(self, values: Arrays, config: Any) -> Arrays:
        return [value + np.asarray(self.amount, value.dtype) for value in values]


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
            raise MisfitError(f"its first axis is {tensor.shape[0]}, expected {borders[-1]}")
        return list(np.split(tensor, borders[:-1], axis=0))

    def write(self, values: Arrays, config: Any) -> Arrays:
        return [np.concatenate(values, axis=0)]


@dataclass(frozen=True)
class SplitHeadGroups:
    """One tensor holds groups of heads: some of queries, then their key and their value.

    `query_heads` and `key_value_heads` give the numbers of heads from the config; there are as many
    groups as the latter.
    """

    query_heads: Callable[[Any], int]
    key_value_heads: Callable[[Any], int]

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        (tensor,) = tensors
        rows, *rest = tensor.shape
        groups = self.key_value_heads(config)
        heads = self.query_heads(config) // groups + 2
        if rows % (groups * heads):
            raise MisfitError(
                f"its first axis is {rows}, expected a multiple of {groups} groups of {heads} heads"
            )
        grouped = tensor.reshape(groups, heads, rows // (groups * heads), *rest)
        parts = grouped[:, :-2], grouped[:, -2], grouped[:, -1]
        return [part.reshape(-1, *rest) for part in parts]

    def write(self, values: Arrays, config: Any) -> Arrays:
        groups, rest = self.key_value_heads(config), values[0].shape[1:]
        head_dim = values[1].shape[0] // groups
        grouped = [value.reshape(groups, -1, head_dim, *rest) for value in values]
        return [np.concatenate(grouped, axis=1).reshape(-1, *rest)]


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
class JoinHeads:
    """Heads are an axis of their own, the second one, that the bricks join with the one after it.

    `heads` gives their number from the config.
    """

    heads: Callable[[Any], int]

    def read(self, tensors: Arrays, config: Any) -> Arrays:
        return [tensor.reshape(len(tensor), -1) for tensor in tensors]

    def write(self, values: Arrays, config: Any) -> Arrays:
        heads = self.heads(config)
        return [value.reshape(len(value), heads, -1) for value in values]


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
