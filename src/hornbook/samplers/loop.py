"""The loop of KerasNLP's calling form, in which the caller brings the model as a function."""

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

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
    stop_token_ids: Sequence[int] | None,
    model: keras.Model | None,
) -> Any:
    """Writes tokens into `prompt` from `index` on; see `Sampler.__call__` for the arguments."""
    prompt = ops.convert_to_tensor(prompt)
    batch, length = prompt.shape
    mask = ops.zeros_like(prompt, dtype="bool") if mask is None else ops.cast(mask, "bool")
    uniforms = ops.convert_to_tensor(row_uniforms(sampler.seed, batch, length))

    def is_open(prompt: Any, cache: Any, index: Any) -> Any:
        if stop_token_ids is None:
            return True
        made = ops.logical_and(_is_any_of(prompt, stop_token_ids), ops.logical_not(mask))
        return ops.logical_not(ops.all(ops.any(made, axis=-1)))

    def write_token(prompt: Any, cache: Any, index: Any) -> tuple[Any, Any, Any]:
        logits, _, cache = next(prompt, cache, index)
        tokens = sampler.next_tokens(logits, ops.take(uniforms, index, axis=1))
        here = ops.logical_and(ops.arange(length) == index, ops.logical_not(mask))
        prompt = ops.where(here, ops.cast(tokens, prompt.dtype)[:, None], prompt)
        return prompt, cache, index + 1

    state = (prompt, cache, ops.convert_to_tensor(index, dtype="int32"))
    variables = [*sampler.variables, *(model.variables if model is not None else ())]
    with _without_gradients():
        return _repeat(is_open, write_token, state, length - index, variables)[0]


def _is_any_of(tokens: Any, token_ids: Sequence[int]) -> Any:
    wanted = ops.convert_to_tensor(list(token_ids), dtype=tokens.dtype)
    return ops.any(ops.expand_dims(tokens, -1) == wanted, axis=-1)


def _repeat(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    state: tuple[Any, ...],
    times: Any,
    variables: list[keras.Variable],
) -> tuple[Any, ...]:
    """A while loop in which variables may change, also where loops have to be pure."""
    if keras.backend.backend() != "jax":
        return ops.while_loop(cond, body, state, maximum_iterations=times)

    def pure_body(values: list[Any], *state: Any) -> tuple[Any, ...]:
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            state = body(*state)
        return ([scope.get_current_value(variable) for variable in variables], *state)

    values = [variable.value for variable in variables]
    values, *state = ops.while_loop(
        lambda values, *state: cond(*state), pure_body, (values, *state), maximum_iterations=times
    )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return tuple(state)


def _without_gradients() -> contextlib.AbstractContextManager[Any]:
    if keras.backend.backend() == "torch":
        import torch

        return torch.no_grad()
    return contextlib.nullcontext()
