"""What changes while tokens are generated: one explicit structure, never written to in place.

The cache is the one exception: on torch its tensors are updated where they are, and on JAX the
buffers of a state that went into a step belong to the state that came out.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

from keras import ops

Cache = tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class GenerationState:
    """A batch of rows in the making.

    Attributes:
        tokens: int32 [batch, capacity], each row's prompt and what was generated after it.
        lengths: int32 [batch], the tokens of each row, prompt included.
        limits: int32 [batch], the length at which a row is done.
        done: bool [batch]; a row that is done never changes again.
        uniforms: float32 [batch, capacity], the random number for the token in each place.
        stop_token_ids: int32 [any], the tokens after which a row is done; -1 is none.
        cache: a pair (keys, values) a layer, each [batch, kv heads, capacity, head dim]. It holds
            all tokens but each row's last.
    """

    tokens: Any
    lengths: Any
    limits: Any
    done: Any
    uniforms: Any
    stop_token_ids: Any
    cache: Cache

    @property
    def capacity(self) -> int:
        """The places that a row has."""
        return self.tokens.shape[1]

    def parts(self) -> tuple[Any, ...]:
        """The fields as plain nested tuples; `GenerationState(*parts)` is the way back."""
        return tuple(getattr(self, field.name) for field in fields(self))


def grow_cache(cache: Cache, capacity: int) -> Cache:
    """The cache with room for `capacity` tokens."""
    return tuple((_pad(keys, capacity, 2), _pad(values, capacity, 2)) for keys, values in cache)


def grow(state: GenerationState, capacity: int, uniforms: Any) -> GenerationState:
    """The state with room for `capacity` tokens; `uniforms` [batch, capacity] are the new ones."""
    return replace(
        state,
        tokens=_pad(state.tokens, capacity, 1),
        uniforms=uniforms,
        cache=grow_cache(state.cache, capacity),
    )


def _pad(tensor: Any, size: int, axis: int) -> Any:
    missing = size - tensor.shape[axis]
    if not missing:
        return tensor
    return ops.pad(tensor, [[0, missing if a == axis else 0] for a in range(tensor.ndim)])
