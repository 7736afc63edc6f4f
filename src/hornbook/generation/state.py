"""What changes while tokens are generated: one explicit structure, never written to in place.

The cache is the one exception: on torch its tensors are updated where they are, and on JAX the
buffers of a state that went into a step belong to the state that came out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from keras import ops

from hornbook.samplers import Sampler
from hornbook.samplers.rows import Rows, fit

Cache = tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class GenerationState:
    """A batch of rows in the making.

    Attributes:
        rows: the tokens, and what the sampler keeps.
        cache: a pair (keys, values) a layer, each [rows, kv heads, slots, head dim]. It holds
            all tokens but each row's newest, or as many as the layer sees.
    """

    rows: Rows
    cache: Cache

    @property
    def capacity(self) -> int:
        """The places that a row has."""
        return self.rows.places

    def parts(self) -> tuple[Any, ...]:
        """The state as plain nested tuples; `from_parts` is the way back."""
        return self.rows.parts(), self.cache

    @classmethod
    def from_parts(cls, parts: tuple[Any, ...]) -> "GenerationState":
        """The state that `parts` came from."""
        rows, cache = parts
        return cls(Rows(*rows), cache)


def resize_cache(cache: Cache, slots: Sequence[int]) -> Cache:
    """The cache with other slots of each layer, as the model counts them for other capacities.

    A layer that keeps a window of a row has either as many slots as places, the key of each in its
    own, or a number that doesn't change any more. So slots are added or taken away at the end.
    """
    pairs = zip(cache, slots, strict=True)
    return tuple((fit(keys, size, 2), fit(values, size, 2)) for (keys, values), size in pairs)


def take_rows(cache: Cache, rows: Any) -> Cache:
    """The cache with other rows: the old row `rows[i]` in row i."""
    return tuple(
        (ops.take(keys, rows, axis=0), ops.take(values, rows, axis=0)) for keys, values in cache
    )


def resize(
    state: GenerationState, sampler: Sampler, capacity: int, uniforms: Any, slots: Sequence[int]
) -> GenerationState:
    """The state with room for `capacity` tokens, for which the cache has such slots.

    `uniforms` [rows, capacity] are the new ones. A row that is done may have more tokens: it loses
    those behind, and must not be needed any more.
    """
    rows = replace(
        state.rows,
        tokens=fit(state.rows.tokens, capacity, 1),
        lengths=ops.minimum(state.rows.lengths, capacity),
        uniforms=uniforms,
        own=sampler.resize(state.rows.own, capacity),
    )
    return GenerationState(rows, resize_cache(state.cache, slots))
