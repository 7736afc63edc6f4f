"""Rows of tokens of any length as two arrays, so that numpy works on all rows at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hornbook.errors import DataError


@dataclass(frozen=True)
class TokenRows:
    """Rows of tokens, one behind the other.

    Attributes:
        values: the tokens of all rows: integers, or objects for strings, [tokens].
        lengths: how many of them each row has, [rows].

    Example:
        >>> rows = TokenRows(np.array([5, 6, 7]), np.array([2, 1]))
        >>> rows.row_ids.tolist(), rows.positions.tolist()
        ([0, 0, 1], [0, 1, 0])
    """

    values: np.ndarray
    lengths: np.ndarray

    @cached_property
    def row_ids(self) -> np.ndarray:
        """The row that each token is in."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def positions(self) -> np.ndarray:
        """Where in its row each token stands."""
        starts = np.cumsum(self.lengths) - self.lengths
        return np.arange(len(self.values)) - np.repeat(starts, self.lengths)

    def count(self, chosen: np.ndarray) -> np.ndarray:
        """How many tokens of each row are chosen, given true or false for each token."""
        return np.bincount(self.row_ids[chosen], minlength=len(self.lengths))

    def keep(self, chosen: np.ndarray) -> "TokenRows":
        """The rows with only the chosen tokens left."""
        return TokenRows(self.values[chosen], self.count(chosen))

    def with_values(self, values: np.ndarray) -> "TokenRows":
        """Rows of the same lengths with other values."""
        return TokenRows(values, self.lengths)

    def split(self) -> list[np.ndarray]:
        """One array a row."""
        return np.split(self.values, np.cumsum(self.lengths)[:-1]) if len(self.lengths) else []

    def table(self, width: int) -> np.ndarray:
        """The rows as [rows, width], filled up with 0; none may be longer."""
        table = np.zeros((len(self.lengths), width), self.values.dtype)
        table[self.row_ids, self.positions] = self.values
        return table


@dataclass(frozen=True)
class Form:
    """How rows were given: as a batch or as one row, and whether all in one array."""

    batched: bool
    dense: bool


def read_rows(inputs: Any) -> tuple[TokenRows, Form]:
    """Reads one row of tokens, or a batch of rows.

    Args:
        inputs: tokens [length] or [batch, length], ids or strings: lists, arrays, or tensors of a
            backend; rows may differ in length. Ids in lists become int32, others stay what they
            are.

    Raises:
        DataError: when the tokens are neither integers nor strings, or have more dimensions.
    """
    if isinstance(inputs, np.ndarray) and inputs.dtype.kind == "O" and _holds_rows(inputs):
        inputs = list(inputs)
    if isinstance(inputs, list | tuple) and _holds_rows(inputs):
        rows = [_tokens(row) for row in inputs]
        for row in rows:
            _check_rank(row, 1)
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        return TokenRows(_joined(rows), lengths), Form(batched=True, dense=False)
    tokens = _tokens(inputs)
    _check_rank(tokens, 2)
    if tokens.ndim == 1:
        return TokenRows(tokens, np.array([len(tokens)])), Form(batched=False, dense=True)
    lengths = np.full(tokens.shape[0], tokens.shape[1])
    return TokenRows(tokens.reshape(-1), lengths), Form(batched=True, dense=True)


def _holds_rows(values: Any) -> bool:
    return any(isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0 for value in values)


def _joined(rows: Sequence[np.ndarray]) -> np.ndarray:
    """All rows in one array; a row without tokens has no type of its own."""
    filled = [row for row in rows if row.size] or rows
    if len({row.dtype.kind == "O" for row in filled}) > 1:
        raise DataError("Some rows hold strings and others ids; expected the same in each row")
    return np.concatenate(filled)


def _tokens(values: Any) -> np.ndarray:
    if type(values).__module__ == "torch":
        values = values.detach().cpu()
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise DataError(f"Got {type(values).__name__}; expected tokens: {error}") from error
    if array.dtype.kind in "US":
        return array.astype(object)
    if array.dtype.kind in "iu":
        return array.astype(np.int32) if isinstance(values, list | tuple) else array
    if array.dtype.kind == "O" and all(isinstance(t, str | bytes) for t in array.reshape(-1)):
        return array
    if not array.size:
        return array.astype(np.int32)
    raise DataError(
        f"Got tokens of type {array.dtype} in {type(values).__name__}; expected ids or strings, as "
        "[length] or [batch, length]"
    )


def _check_rank(tokens: np.ndarray, most: int) -> None:
    if not 1 <= tokens.ndim <= most:
        raise DataError(f"Got tokens of shape {tokens.shape}; expected [length] or [batch, length]")
