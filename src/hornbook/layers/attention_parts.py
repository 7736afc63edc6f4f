"""Attention of many queries in parts, each without the keys that none of its queries sees."""

from collections.abc import Callable
from typing import Any

from keras import ops

CAUSAL_QUERIES = 128
"""Causal queries run in parts of about as many."""
SCORE_BYTES = 2**25
"""Queries whose scores take more than that run in parts: scores are read three times."""
MOST_PARTS = 8
"""As each is compiled for itself."""


def attend_in_parts(
    attend: Callable[..., Any],
    first: Callable[[Any, int], Any],
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    bias: Any,
    *,
    parts: int,
    is_causal: bool,
) -> Any:
    """What `attend(query, key, value, mask, bias)` gives, [batch, queries, features], in parts.

    Args:
        attend: the attention of some queries.
        first: gives the first so many keys or values.
        query: [batch, queries, query_heads, head_dim].
        key: [batch, kv_heads, keys, head_dim].
        value: [batch, kv_heads, keys, value_head_dim].
        mask: broadcastable to [batch, 1, queries, keys], or None.
        bias: broadcastable to [batch, query_heads, queries, keys], or None.
        parts: how many are wanted; there are at most `MOST_PARTS`, and one query in each.
        is_causal: whether the mask hides every key behind a query's own place.
    """
    length = query.shape[1]
    size = max(1, -(-length // max(1, min(parts, MOST_PARTS))))
    starts = list(range(0, length, size))
    if not starts:
        return attend(query, key, value, mask, bias)
    queries = ops.split(query, starts[1:], axis=1) if len(starts) > 1 else [query]
    outputs = []
    for start, part in zip(starts, queries, strict=True):
        stop = min(start + size, length)
        keys = stop if is_causal else key.shape[2]
        seen = [tensor if keys == key.shape[2] else first(tensor, keys) for tensor in (key, value)]
        outputs.append(attend(part, *seen, *(_cut(x, start, stop, keys) for x in (mask, bias))))
    return outputs[0] if len(outputs) == 1 else ops.concatenate(outputs, axis=1)


def _cut(scores: Any, start: int, stop: int, keys: int) -> Any:
    """Those of some queries and the first keys, along axes that aren't the same for all."""
    if scores is None:
        return None
    if scores.shape[2] != 1:
        scores = scores[:, :, start:stop]
    return scores if scores.shape[3] == 1 else scores[..., :keys]
