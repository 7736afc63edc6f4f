"""The rows that samplers write: one explicit structure, never written to in place."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, NamedTuple

import keras
from keras import ops


@dataclass(frozen=True)
class Rows:
    """A batch of sequences in the making.

    A sampler may need several rows for each prompt (beams, candidates); they stand together.

    Attributes:
        tokens: int [rows, places], each row's prompt and what was chosen after it.
        newest: int [rows], the token that the model runs next: the last one of each row, or for
            samplers that look ahead a candidate for the place after it.
        starts: int32 [rows], the tokens of each prompt.
        lengths: int32 [rows], the tokens of each row, prompt included.
        limits: int32 [rows], the length at which a row is done.
        done: bool [rows]; a row that is done never changes again.
        uniforms: float32 [rows, places], the random number for the token in each place; or
            [rows, places, any], several.
        stop_token_ids: int [1 or rows, any], the tokens after which a row is done; -1 is none.
        own: what the sampler keeps from step to step: nested tuples of tensors.
    """

    tokens: Any
    newest: Any
    starts: Any
    lengths: Any
    limits: Any
    done: Any
    uniforms: Any
    stop_token_ids: Any
    own: Any = ()

    @property
    def places(self) -> int:
        """The tokens that a row has room for."""
        return self.tokens.shape[1]

    def next_uniforms(self) -> Any:
        """The random number [rows] for each row's next token."""
        # A row that fills its places is done, and its number isn't used.
        places = ops.minimum(self.lengths, self.places - 1)
        return ops.take_along_axis(self.uniforms, places[:, None], axis=1)[:, 0]

    def next_stops(self) -> Any:
        """The tokens [rows, any] that end a row in its next place, outside of the prompt."""
        in_prompt = self.lengths < self.starts
        return ops.where(in_prompt[:, None], -1, self.stop_token_ids)

    def append(self, tokens: Any, where: Any = True) -> "Rows":
        """Writes the next token [rows] of each row that isn't done, or of those `where` is true."""
        tokens = ops.cast(tokens, self.tokens.dtype)
        writes = ops.logical_and(ops.logical_not(self.done), where)
        lengths = self.lengths + ops.cast(writes, "int32")
        stopped = ops.any(tokens[:, None] == self.next_stops(), axis=-1)
        stopped = ops.logical_or(stopped, lengths >= self.limits)
        return replace(
            self,
            tokens=put(self.tokens, self.lengths, tokens, writes),
            newest=ops.where(where, tokens, self.newest),
            lengths=lengths,
            done=ops.logical_or(self.done, ops.logical_and(stopped, writes)),
        )

    def extended(self, tokens: Any) -> "Rows":
        """The rows as they would be with the next tokens [rows], whatever ends them."""
        tokens = ops.cast(tokens, self.tokens.dtype)
        written = put(self.tokens, self.lengths, tokens, ops.ones_like(self.done))
        return replace(self, tokens=written, newest=tokens, lengths=self.lengths + 1)

    def take(self, parents: Any) -> "Rows":
        """The rows with the tokens of others: of row `parents[i]` in row i, of the same prompt."""
        return replace(
            self,
            tokens=ops.take(self.tokens, parents, axis=0),
            newest=ops.take(self.newest, parents, axis=0),
        )

    def parts(self) -> tuple[Any, ...]:
        """The fields as plain nested tuples; `Rows(*parts)` is the way back."""
        return tuple(getattr(self, field.name) for field in fields(self))


class Results(NamedTuple):
    """What a sampler gives for each prompt.

    Attributes:
        tokens: int [batch, places], or [batch, sequences, places] where there are several.
        lengths: int32 [batch] or [batch, sequences], the tokens that are final.
        log_probabilities: float32 [batch, sequences] where there are several, else None.
    """

    tokens: Any
    lengths: Any
    log_probabilities: Any = None


def put(table: Any, places: Any, values: Any, writes: Any) -> Any:
    """Writes one value a row: `values` [..., rows] at `places` [..., rows] where `writes`."""
    columns = ops.arange(table.shape[-1], dtype="int32")
    here = ops.logical_and(columns == places[..., None], writes[..., None])
    return ops.where(here, values[..., None], table)


def fit(tensor: Any, size: int, axis: int) -> Any:
    """The tensor with `size` places on an axis: zeros follow at its end, or the end is left out."""
    if tensor.shape[axis] == size:
        return tensor
    form = _jitted_fit() if keras.backend.backend() == "jax" else _fit
    return form(tensor, size, axis)


@cache
def _jitted_fit() -> Callable[..., Any]:
    """Caches have tables by the dozen; what Keras does before each call takes longer than it."""
    import jax

    return jax.jit(_fit, static_argnums=(1, 2))


def _fit(tensor: Any, size: int, axis: int) -> Any:
    missing = size - tensor.shape[axis]
    if missing < 0:
        # A copy, for torch would keep what is left out.
        return ops.copy(tensor[(*[slice(None)] * axis, slice(size))])
    return ops.pad(tensor, [[0, missing if a == axis else 0] for a in range(tensor.ndim)])
