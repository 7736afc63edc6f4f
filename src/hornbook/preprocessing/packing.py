"""Rows of token ids of any length, packed into one padded array."""

import itertools
from collections.abc import Sequence

import numpy as np

from hornbook.preprocessing.segments import TRUNCATIONS

Rows = Sequence[Sequence[int]]

SMALLEST_BUCKET = 16


def bucket_length(longest: int, maximum: int) -> int:
    """Rounds a length up to one of few, so that a compiled step meets few shapes.

    Buckets are 16, 24, 32, 48, 64, 96, ...: at most a third of one is padding.

    Example:
        >>> [bucket_length(longest, 100) for longest in (3, 17, 33, 70, 500)]
        [16, 24, 48, 96, 100]
    """
    bucket = SMALLEST_BUCKET
    while bucket < longest:
        bucket = bucket * 3 // 2 if bucket & (bucket - 1) == 0 else bucket * 4 // 3
    return min(bucket, maximum)


def pad_rows(rows: Rows, length: int, pad_value: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pads rows on the right; none may be longer than `length`.

    Returns:
        Token ids, int32 [rows, length], and the padding mask, bool [rows, length], true on tokens.

    Example:
        >>> pad_rows([[5, 6], [7]], 3)[0].tolist()
        [[5, 6, 0], [7, 0, 0]]
    """
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    mask = np.arange(length) < lengths[:, None]
    token_ids = np.full(mask.shape, pad_value, dtype=np.int32)
    token_ids[mask] = np.fromiter(
        itertools.chain.from_iterable(rows), dtype=np.int32, count=int(lengths.sum())
    )
    return token_ids, mask


def add_ends(
    rows: Rows, length: int, start: Sequence[int] = (), end: Sequence[int] = ()
) -> list[list[int]]:
    """Cuts each row so that it fits into `length` with `start` before and `end` after it.

    Example:
        >>> add_ends([[5, 6, 7], [8]], 4, start=[1], end=[2])
        [[1, 5, 6, 2], [1, 8, 2]]
    """
    room = max(length - len(start) - len(end), 0)
    return [[*start, *row[:room], *end][:length] for row in rows]


def join_pairs(
    firsts: Rows,
    seconds: Rows,
    length: int,
    start: Sequence[int],
    between: Sequence[int],
    end: Sequence[int],
    truncate: str,
    second_segment: int = 1,
) -> tuple[list[list[int]], list[list[int]]]:
    """Joins pairs of rows as `start first between second end`, cut to `length`.

    Args:
        firsts: the first row of each pair.
        seconds: the second row of each.
        length: the greatest length of a joined row.
        start: the ids before the first.
        between: the ids between the two.
        end: the ids after the second.
        truncate: how the two share a row that is too short, one of `TRUNCATIONS`.
        second_segment: the segment id of the second and of what follows it.

    Returns:
        Rows of token ids, and rows of segment ids, 0 up to the second row.

    Example:
        >>> join_pairs([[5, 6]], [[7]], 9, [1], [2], [2], "round_robin")
        ([[1, 5, 6, 2, 7, 2]], [[0, 0, 0, 0, 1, 1]])
    """
    lengths = np.array([[len(row) for row in rows] for rows in (firsts, seconds)], dtype=np.int64)
    room = max(length - len(start) - len(between) - len(end), 0)
    kept = TRUNCATIONS[truncate](lengths, room).T.tolist()
    tokens, segments = [], []
    for first, second, (one, other) in zip(firsts, seconds, kept, strict=True):
        head = [*start, *first[:one], *between]
        tail = [*second[:other], *end]
        tokens.append([*head, *tail][:length])
        segments.append([*[0] * len(head), *[second_segment] * len(tail)][:length])
    return tokens, segments
