"""The loop of KerasNLP's calling form, in which the caller brings the model as a function."""

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers.held_tokens import HeldTokens
from hornbook.samplers.rows import Rows, pad, put
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
    mask = ops.zeros_like(prompt, dtype="bool") if mask is None else ops.cast(mask, "bool")
    index = ops.cast(index, "int32")
    rows = _rows(sampler, prompt, mask, index, stop_token_ids)
    held = HeldTokens(rows.tokens, _repeat_rows(mask, sampler.rows_per_prompt), rows.stop_token_ids)
    with _without_gradients():
        logits, _, cache = next(prompt, () if cache is None else cache, index)
        logits = _repeat_rows(logits, sampler.rows_per_prompt)
        cache = _repeat_rows(cache, sampler.rows_per_prompt)
        hidden = _prompt_states(sampler, hidden_states, rows.places)
        rows = sampler.begin(held.without_stops(rows, index), held.only_held(logits, index), hidden)
        rows = held.restored(rows)
        results = sampler.results(_write(sampler, next, held, rows, cache, index + 1, model))
    if results.log_probabilities is not None:
        return results.tokens, results.log_probabilities
    return results.tokens


def _write(
    sampler: "Sampler",
    next: Callable[..., tuple[Any, Any, Any]],
    held: HeldTokens,
    rows: Rows,
    cache: Any,
    index: Any,
    model: keras.Model | None,
) -> Rows:
    """Takes steps until all rows are done; `index` is that of the next call of `next`."""

    def is_open(parts: Any, cache: Any, index: Any) -> Any:
        return ops.logical_not(ops.all(Rows(*parts).done))

    def write_token(parts: Any, cache: Any, index: Any) -> tuple[Any, Any, Any]:
        rows, settled = Rows(*parts), index
        tokens = rows.tokens
        if sampler.looks_ahead:
            settled = index - 1
            tokens = put(tokens, rows.lengths, rows.newest, ops.logical_not(rows.done))
        logits, hidden, cache = next(tokens, cache, index)
        rows, parents = sampler.advance(
            held.without_stops(rows, settled), held.only_held(logits, index), hidden
        )
        if parents is not None:
            cache = keras.tree.map_structure(lambda part: ops.take(part, parents, axis=0), cache)
        return held.restored(rows).parts(), cache, index + 1

    variables = [*sampler.variables, *(model.variables if model is not None else ())]
    return Rows(*_repeat(is_open, write_token, (rows.parts(), cache, index), variables)[0])


def _rows(
    sampler: "Sampler", prompt: Any, mask: Any, index: Any, stop_token_ids: Sequence[int]
) -> Rows:
    times = sampler.rows_per_prompt
    batch, length = prompt.shape
    held = ops.sum(ops.cast(mask, "int32"), axis=1)
    count = ops.zeros((batch * times,), dtype="int32")
    stops = ops.convert_to_tensor([list(stop_token_ids) or [-1]], dtype=prompt.dtype)
    return Rows(
        tokens=_repeat_rows(prompt, times),
        newest=_repeat_rows(prompt[:, 0], times),
        starts=_repeat_rows(ops.maximum(held, index), times),
        lengths=count + index,
        limits=count + length,
        done=count + index >= length,
        uniforms=ops.convert_to_tensor(row_uniforms(sampler.seed, batch * times, length)),
        stop_token_ids=stops,
    )


def _repeat_rows(tensors: Any, times: int) -> Any:
    if times == 1:
        return tensors
    return keras.tree.map_structure(lambda tensor: ops.repeat(tensor, times, axis=0), tensors)


def _prompt_states(sampler: "Sampler", hidden_states: Any, places: int) -> Any:
    if not sampler.looks_ahead:
        return None
    if hidden_states is None:
        raise GenerationError(
            f"{type(sampler).__name__} needs hidden_states, those of the prompt [batch, length, "
            "hidden_dim], and a `next` that gives those of the token before its index"
        )
    return pad(ops.convert_to_tensor(hidden_states), places, 1)


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
