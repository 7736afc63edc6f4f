"""Segments of tokens, cut to a length together and written one behind the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.token_rows import TokenRows

Value = int | str | Sequence[int] | Sequence[str] | None


class RowWriter:
    """A table of tokens that is written from the left, in all rows at once.

    Attributes:
        table: [rows, width], the padding value where nothing is written yet.
        ends: how far each row is written, [rows].
    """

    def __init__(self, rows: int, width: int, pad_value: Any, dtype: Any) -> None:
        self.table = np.full((rows, width), pad_value, dtype=dtype)
        self.ends = np.zeros(rows, dtype=np.int64)

    def write_values(self, values: Sequence[Any]) -> None:
        """Writes the same tokens into each row."""
        for value in values:
            self.table[np.arange(len(self.ends)), self.ends] = value
            self.ends = self.ends + 1

    def write_rows(self, rows: TokenRows, kept: np.ndarray) -> None:
        """Writes the first `kept` [rows] tokens of each row."""
        taken = rows.positions < kept[rows.row_ids]
        row_ids = rows.row_ids[taken]
        self.table[row_ids, self.ends[row_ids] + rows.positions[taken]] = rows.values[taken]
        self.ends = self.ends + kept


def as_values(value: Value) -> list[Any]:
    """A start, end or separator value, which may be one token, several or none, as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, int | str | np.integer) else list(value)


def of_kind(rows: Sequence[TokenRows], **values: Value) -> list[TokenRows]:
    """Returns the rows, empty ones as those of strings where the given values are strings.

    Raises:
        DataError: when a value is a string and the tokens are ids, or the other way round.
    """
    given = {name: as_values(value) for name, value in values.items()}
    strings = any(isinstance(token, str) for tokens in given.values() for token in tokens)
    if strings and not any(segment.values.size for segment in rows):
        rows = [segment.with_values(segment.values.astype(object)) for segment in rows]
    are_strings = rows[0].values.dtype.kind == "O"
    for name, tokens in given.items():
        for token in tokens:
            if isinstance(token, str) != are_strings:
                raise DataError(
                    f"{name} is {values[name]!r}, but the tokens are "
                    f"{'strings' if are_strings else 'ids'}; give both alike"
                )
    return list(rows)


def round_robin(lengths: np.ndarray, room: int) -> np.ndarray:
    """Shares out room to segments by turns, a token each time, the first segment first.

    Args:
        lengths: [segments, rows].
        room: how many tokens a row may keep.

    Returns:
        How many tokens of each segment are kept, [segments, rows].

    Example:
        >>> round_robin(np.array([[9], [2], [9]]), 9).T.tolist()
        [[4, 2, 3]]
    """
    level = np.full(lengths.shape[1], room)
    left = np.full(lengths.shape[1], room)
    for done, length in enumerate(np.sort(lengths, axis=0)):
        share = left // (len(lengths) - done)
        level = np.where(share < length, np.minimum(level, share), level)
        left -= np.minimum(share, length)
    kept = np.minimum(lengths, level)
    cut = lengths > kept
    return kept + (cut & (np.cumsum(cut, axis=0) <= room - kept.sum(axis=0)))


def waterfall(lengths: np.ndarray, room: int) -> np.ndarray:
    """Gives room to the first segment, what it leaves to the second, and so on.

    Takes and returns what `round_robin` does.

    Example:
        >>> waterfall(np.array([[9], [2], [9]]), 10).T.tolist()
        [[9, 1, 0]]
    """
    before = np.cumsum(lengths, axis=0) - lengths
    return np.minimum(lengths, np.maximum(room - before, 0))


TRUNCATIONS = {"round_robin": round_robin, "waterfall": waterfall}
"""The ways in which segments share a row that is too short for them."""


def check_truncation(truncate: str) -> str:
    """Returns the name of a truncation.

    Raises:
        DataError: when there is none of that name.
    """
    if truncate not in TRUNCATIONS:
        raise DataError(f"truncate is {truncate!r}; expected 'round_robin' or 'waterfall'")
    return truncate
