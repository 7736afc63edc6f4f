"""JAX: jitted programs with donated state; the loop is inside, or around them if that's faster."""

from collections import deque
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
from jax import lax

from hornbook.generation import step
from hornbook.generation.drivers.jax_kernels import Weights
from hornbook.generation.drivers.program import Program, Values
from hornbook.generation.state import Cache, GenerationState
from hornbook.layers.kv_cache import is_xla_on_the_cpu
from hornbook.samplers.rows import Rows

CompilerOptions = dict[str, bool | int]
WIDE_VECTORS: CompilerOptions = {"xla_cpu_prefer_vector_width": 512}
"""Where the processor has them. XLA takes half of that, which reads memory more slowly."""
SUMS_IN_ANY_ORDER: CompilerOptions = {
    "xla_cpu_enable_fast_math": True,
    "xla_cpu_fast_math_honor_nans": True,
    "xla_cpu_fast_math_honor_infs": True,
    "xla_cpu_fast_math_honor_division": True,
    "xla_cpu_fast_math_honor_functions": True,
}
"""Without it, XLA's CPU backend multiplies a vector with a bfloat16 matrix number by number since
JAX 0.11. Before, it added such products in any order, and is slower where it is told to."""
AHEAD = 2
"""So many steps are handed to an accelerator before it is looked at what the first has made."""


class JaxProgram(Program):
    """Runs generation under `jax.jit`.

    Variables are arguments and never constants, so that trained weights need no new compilation
    and are never copied into a program.

    A chunk of tokens is one program with a while loop, which spares a dispatch for each. Weights in
    half precision XLA would convert to float32 before the loop on the CPU, and read the copies; a
    barrier keeps it from that. Where weights are converted for every product anyway, as int8 is,
    that is what makes the loop fast. On a GPU a program makes one token, and Python repeats it: the
    loop there waits for the host after each token, and takes milliseconds to begin.
    """

    chunk = 32

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._weights = Weights(self.model, self.variables, self.sampler)
        self._is_half = self.on_cpu() and self.matrix_dtypes <= {"bfloat16", "float16"}
        jit = partial(jax.jit, compiler_options=_options(self._is_half) if self.on_cpu() else None)
        self._prefill = jit(self._traced_prefill, static_argnums=(3,))
        self._extend = jit(self._traced_extend, donate_argnums=(4,))
        self._begin = jit(self._traced_begin)
        self._decode = jit(self._traced_decode, donate_argnums=(2,))
        self._step = jit(self._traced_step, donate_argnums=(2,))

    def on_cpu(self) -> bool:
        return is_xla_on_the_cpu()

    def prefill(self, prompts: Any, lengths: Any, slots: tuple[int, ...]) -> tuple[Any, Any, Cache]:
        return self._prefill(self._weights.values(), prompts, lengths, slots)

    def extend(
        self, prompts: Any, lengths: Any, starts: Any, cache: Cache, logits: Any
    ) -> tuple[Any, Any, Cache]:
        return self._extend(self._weights.values(), prompts, lengths, starts, cache, logits)

    def begin(self, rows: Rows, logits: Any, hidden: Any, values: Values) -> Rows:
        parts, own = self._begin(
            _values(self.sampler.variables), rows.parts(), logits, hidden, values
        )
        self._keep(own)
        return Rows(*parts)

    def decode(self, state: GenerationState, steps: int, values: Values) -> GenerationState:
        run = self._repeat if jax.default_backend() == "gpu" else self._decode
        own = _values(self.sampler.variables)
        weights = self._weights.values(self.rows_projected(state))
        parts, own = run(weights, own, state.parts(), steps, values)
        self._keep(own)
        return GenerationState.from_parts(parts)

    def _repeat(
        self, weights: Any, own: Any, parts: Any, steps: int, values: Values
    ) -> tuple[Any, Any]:
        """What `_decode` does, and up to `AHEAD` steps more."""
        waiting: deque[Any] = deque()
        for _ in range(steps):
            parts, own, done = self._step(weights, own, parts, values)
            waiting.append(done)
            # To look is to wait for the step.
            if len(waiting) > AHEAD and waiting.popleft():
                break
        return parts, own

    def _traced_prefill(
        self, weights: Any, prompts: Any, lengths: Any, slots: tuple[int, ...]
    ) -> tuple[Any, Any, Cache]:
        self.on_trace()
        with self._weights.scope(weights):
            return step.prefill(self.model, prompts, lengths, slots)

    def _traced_extend(self, weights: Any, *inputs: Any) -> tuple[Any, Any, Cache]:
        self.on_trace()
        with self._weights.scope(weights):
            return step.extend(self.model, *inputs)

    def _traced_begin(
        self, own: Any, parts: Any, logits: Any, hidden: Any, values: Any
    ) -> tuple[Any, Any]:
        sampler = self.sampler.with_traced_values(values)
        with keras.StatelessScope(state_mapping=self._paired(own)) as scope:
            rows = step.begin(sampler, Rows(*parts), logits, hidden)
            return rows.parts(), self._own_values(scope)

    def _traced_decode(
        self, weights: Any, own: Any, parts: Any, steps: Any, values: Any
    ) -> tuple[Any, Any]:
        def is_open(carry: Any) -> Any:
            count, _, _, done = carry
            return jnp.logical_and(count < steps, ~done)

        def run(carry: Any) -> Any:
            count, parts, own, _ = carry
            now = weights
            if self._is_half:
                now, count = lax.optimization_barrier((weights, count))
            return count + 1, *self._traced_step(now, own, parts, values)

        done = jnp.all(GenerationState.from_parts(parts).rows.done)
        _, parts, own, _ = lax.while_loop(is_open, run, (jnp.int32(0), parts, own, done))
        return parts, own

    def _traced_step(self, weights: Any, own: Any, parts: Any, values: Any) -> tuple[Any, Any, Any]:
        self.on_trace()
        sampler = self.sampler.with_traced_values(values)
        with self._weights.scope(weights, self._paired(own)) as scope:
            state = step.decode(self.model, sampler, GenerationState.from_parts(parts))
            return state.parts(), self._own_values(scope), jnp.all(state.rows.done)

    def _paired(self, own: Any) -> list[tuple[Any, Any]]:
        return list(zip(self.sampler.variables, own, strict=True))

    def _own_values(self, scope: keras.StatelessScope) -> list[Any]:
        return [scope.get_current_value(variable) for variable in self.sampler.variables]

    def _keep(self, own: Any) -> None:
        """Stores the state of a sampler that draws its own random numbers."""
        for variable, value in zip(self.sampler.variables, own, strict=True):
            variable.assign(value)


@cache
def _options(is_half: bool) -> CompilerOptions:
    """What programs are compiled with for the CPU, as far as this JAX knows it."""
    adds_in_order = is_half and jax.version.__version_info__ >= (0, 11)
    wanted = [WIDE_VECTORS, SUMS_IN_ANY_ORDER] if adds_in_order else [WIDE_VECTORS]
    return {name: value for some in wanted if _knows(some) for name, value in some.items()}


def _knows(options: CompilerOptions) -> bool:
    try:
        jax.jit(jnp.negative, compiler_options=options)(0)
    except jax.errors.JaxRuntimeError:
        return False
    return True


def _values(variables: list[Any]) -> list[Any]:
    return [variable.value for variable in variables]
