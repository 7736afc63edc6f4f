"""JAX: jitted programs with a while loop inside, and donated state."""

from typing import Any

import jax
import jax.numpy as jnp
import keras
from jax import lax

from hornbook.generation import step
from hornbook.generation.drivers.program import Program, Values
from hornbook.generation.state import Cache, GenerationState


class JaxProgram(Program):
    """Runs generation under `jax.jit`.

    Variables are arguments and never constants, so that trained weights need no new compilation
    and are never copied into a program.
    """

    chunk = 32

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._prefill = jax.jit(self._traced_prefill)
        self._append = jax.jit(_append)
        self._decode = jax.jit(self._traced_decode, donate_argnums=(2,))

    def prefill(
        self, prompts: Any, lengths: Any, uniforms: Any, values: Values
    ) -> tuple[Any, Cache]:
        tokens, cache, own = self._prefill(
            _values(self.variables), _values(self.sampler.variables), prompts, lengths, uniforms,
            values,
        )  # fmt: skip
        self._keep(own)
        return tokens, cache

    def append(self, state: GenerationState, tokens: Any) -> GenerationState:
        return GenerationState(*self._append(state.parts(), tokens))

    def decode(self, state: GenerationState, steps: int, values: Values) -> GenerationState:
        parts, own = self._decode(
            _values(self.variables), _values(self.sampler.variables), state.parts(), steps, values
        )
        self._keep(own)
        return GenerationState(*parts)

    def _traced_prefill(
        self, weights: Any, own: Any, prompts: Any, lengths: Any, uniforms: Any, values: Any
    ) -> tuple[Any, Cache, Any]:
        self.on_trace()
        sampler = self.sampler.with_traced_values(values)
        with self._scope(weights, own) as scope:
            tokens, cache = step.prefill(self.model, sampler, prompts, lengths, uniforms)
            return tokens, cache, self._own_values(scope)

    def _traced_decode(
        self, weights: Any, own: Any, parts: Any, steps: Any, values: Any
    ) -> tuple[Any, Any]:
        self.on_trace()
        sampler = self.sampler.with_traced_values(values)

        def is_open(carry: Any) -> Any:
            count, parts, _ = carry
            return jnp.logical_and(count < steps, ~jnp.all(GenerationState(*parts).done))

        def run(carry: Any) -> Any:
            count, parts, own = carry
            with self._scope(weights, own) as scope:
                state = step.decode(self.model, sampler, GenerationState(*parts))
                return count + 1, state.parts(), self._own_values(scope)

        _, parts, own = lax.while_loop(is_open, run, (jnp.int32(0), parts, own))
        return parts, own

    def _scope(self, weights: Any, own: Any) -> keras.StatelessScope:
        variables = [*self.variables, *self.sampler.variables]
        return keras.StatelessScope(
            state_mapping=list(zip(variables, [*weights, *own], strict=True))
        )

    def _own_values(self, scope: keras.StatelessScope) -> list[Any]:
        return [scope.get_current_value(variable) for variable in self.sampler.variables]

    def _keep(self, own: Any) -> None:
        """Stores the state of a sampler that draws its own random numbers."""
        for variable, value in zip(self.sampler.variables, own, strict=True):
            variable.assign(value)


def _append(parts: Any, tokens: Any) -> Any:
    return step.append(GenerationState(*parts), tokens).parts()


def _values(variables: list[Any]) -> list[Any]:
    return [variable.value for variable in variables]
