"""The loop of KerasNLP's calling form, in which the caller brings the model as a function."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers.rows import Rows, fit, put
from hornbook.samplers.uniforms import row_uniforms

if TYPE_CHECKING:
    from hornbook.samplers.sampler import Sampler


def fill(
    sampler: "Sampler",
    next: Callable[..., tuple[Any, Any, Any]],
    prompt: Any,
    cache: Any,
    index: Any,
    mask: Any,
    stop_token_ids: Sequence[int],
    hidden_states: Any,
    model: keras.Model | None,
) -> Any:
    """Writes tokens into `prompt` from `index` on; see `Sampler.__call__` for the arguments."""
    prompt = ops.convert_to_tensor(prompt)
    if prompt.ndim != 2:
        raise GenerationError(
            f"prompt has shape {tuple(prompt.shape)}; expected a batch [batch, length], padded to "
            "the length to be generated"
        )
    held = _Held.of(sampler, prompt, mask)
    rows = _rows(sampler, held, ops.cast(index, "int32"), stop_token_ids)
    rows = sampler.start(rows, _prompt_states(sampler, hidden_states, rows.places))
    cache = _repeat_rows(() if cache is None else cache, sampler.rows_per_prompt)
    variables = [*sampler.variables, *(model.variables if model is not None else ())]

    def is_open(parts: Any, cache: Any, index: Any) -> Any:
        return ops.logical_not(ops.all(Rows(*parts).done))

    def write_token(parts: Any, cache: Any, index: Any) -> tuple[Any, Any, Any]:
        rows = Rows(*parts)
        tokens = rows.tokens
        if sampler.looks_ahead:
            tokens = put(tokens, rows.lengths, rows.newest, ops.logical_not(rows.done))
        logits, hidden, cache = next(tokens, cache, index)
        rows, parents = sampler.advance(rows, held.no_choice(logits, index), hidden)
        if parents is not None:
            cache = _each(lambda part: ops.take(part, parents, axis=0), cache)
        return held.restored(rows).parts(), cache, index + 1

    with _without_gradients():
        state = (rows.parts(), cache, ops.cast(index, "int32"))
        parts = _repeat(is_open, write_token, state, variables)[0]
        results = sampler.results(Rows(*parts))
    if results.log_probabilities is not None:
        return results.tokens, results.log_probabilities
    return results.tokens


@dataclass(frozen=True)
class _Held:
    """Keeps the tokens of the prompt that a mask holds.

    Attributes:
        tokens: int [rows, places], the prompts.
        mask: bool [rows, places]; None holds nothing.
    """

    tokens: Any
    mask: Any

    @classmethod
    def of(cls, sampler: "Sampler", prompt: Any, mask: Any) -> "_Held":
        mask = None if mask is None else ops.cast(mask, "bool")
        times = sampler.rows_per_prompt
        return cls(_repeat_rows(prompt, times), _repeat_rows(mask, times))

    def counts(self) -> Any:
        """How many tokens are held in each row."""
        return 0 if self.mask is None else ops.sum(ops.cast(self.mask, "int32"), axis=1)

    def no_choice(self, logits: Any, index: Any) -> Any:
        """Logits that leave no choice in rows whose token at `index` is held."""
        if self.mask is None:
            return logits
        index = ops.minimum(index, self.tokens.shape[1] - 1)
        is_it = ops.arange(logits.shape[-1]) == ops.take(self.tokens, index, axis=1)[:, None]
        only = ops.where(is_it, ops.zeros_like(logits), -float("inf"))
        return ops.where(ops.take(self.mask, index, axis=1)[:, None], only, logits)

    def restored(self, rows: Rows) -> Rows:
        """The rows with the prompt's tokens where they are held."""
        if self.mask is None:
            return rows
        return replace(rows, tokens=ops.where(self.mask, self.tokens, rows.tokens))


def _rows(sampler: "Sampler", held: _Held, index: Any, stop_token_ids: Sequence[int]) -> Rows:
    tokens = held.tokens
    count, length = tokens.shape
    zeros = ops.zeros((count,), dtype="int32")
    return Rows(
        tokens=tokens,
        newest=ops.take(tokens, ops.maximum(index - 1, 0), axis=1),
        starts=zeros + ops.maximum(held.counts(), index),
        lengths=zeros + index,
        limits=zeros + length,
        done=zeros + index >= length,
        uniforms=ops.convert_to_tensor(row_uniforms(sampler.seed, count, length)),
        stop_token_ids=ops.convert_to_tensor([list(stop_token_ids) or [-1]], dtype=tokens.dtype),
    )


def _repeat_rows(tensors: Any, times: int) -> Any:
    if times == 1:
        return tensors
    return _each(lambda tensor: ops.repeat(tensor, times, axis=0), tensors)


def _each(function: Callable[[Any], Any], tensors: Any) -> Any:
    """The results for nested tensors, of which some may be None."""
    return keras.tree.map_structure(
        lambda tensor: None if tensor is None else function(tensor), tensors
    )


def _prompt_states(sampler: "Sampler", hidden_states: Any, places: int) -> Any:
    if not sampler.looks_ahead:
        return None
    if hidden_states is None:
        raise GenerationError(
            f"{type(sampler).__name__} needs hidden_states, those of the prompt [batch, length, "
            "hidden_dim], and a `next` that gives those of the token before its index"
        )
    return fit(ops.convert_to_tensor(hidden_states), places, 1)


def _repeat(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    state: tuple[Any, ...],
    variables: list[keras.Variable],
) -> tuple[Any, ...]:
    """A while loop in which variables may change, also where loops have to be pure."""
    if keras.backend.backend() != "jax":
        return ops.while_loop(cond, body, state)

    def pure_body(values: list[Any], *state: Any) -> tuple[Any, ...]:
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            state = body(*state)
        return ([scope.get_current_value(variable) for variable in variables], *state)

    values = [variable.value for variable in variables]
    values, *state = ops.while_loop(
        lambda values, *state: cond(*state), pure_body, (values, *state)
    )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return tuple(state)


def _without_gradients() -> contextlib.AbstractContextManager[Any]:
    if keras.backend.backend() == "torch":
        import torch

        return torch.no_grad()
    return contextlib.nullcontext()
