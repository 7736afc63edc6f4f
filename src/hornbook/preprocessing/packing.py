"""Rows of token ids of any length, packed into one padded array."""

import itertools
from collections.abc import Sequence

import numpy as np

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


def share_room(first: int, second: int, room: int) -> tuple[int, int]:
    """Cuts two lengths to `room` together, always from the longer one.

    Example:
        >>> share_room(9, 2, 7), share_room(9, 9, 7)
        ((5, 2), (4, 3))
    """
    kept = min(first, max(room - second, (room + 1) // 2))
    return kept, min(second, room - kept)


def join_pairs(
    firsts: Rows, seconds: Rows, length: int, start: int, separator: int
) -> tuple[list[list[int]], list[list[int]]]:
    """Joins pairs of rows as `start first separator second separator`, cut to `length`.

    Returns:
        Rows of token ids, and rows of segment ids: 0 up to the first separator, 1 after it.
    """
    tokens, segments = [], []
    for first, second in zip(firsts, seconds, strict=True):
        kept = share_room(len(first), len(second), max(length - 3, 0))
        head = [start, *first[: kept[0]], separator]
        tail = [*second[: kept[1]], separator]
        tokens.append([*head, *tail][:length])
        segments.append([*[0] * len(head), *[1] * len(tail)][:length])
    return tokens, segments
