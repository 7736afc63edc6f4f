"""TensorFlow: `tf.function` with a while loop inside, compiled by XLA."""

import warnings
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from hornbook.errors import HornbookWarning
from hornbook.generation import step
from hornbook.generation.drivers.program import Program, Values
from hornbook.generation.state import Cache, GenerationState
from hornbook.layers.kv_cache import is_xla_on_the_cpu
from hornbook.samplers.rows import Rows


class TensorFlowProgram(Program):
    """Runs generation under `tf.function`; variables are captured, not copied."""

    chunk = 32

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._prefill = _compiled(self._traced_prefill)
        self._extend = _compiled(self._traced_extend)
        self._compile_sampling(jit_compile=True)

    def _compile_sampling(self, jit_compile: bool) -> None:
        self._begin = _compiled(self._traced_begin, jit_compile)
        self._decode = _compiled(self._traced_decode, jit_compile)

    def on_cpu(self) -> bool:
        return is_xla_on_the_cpu()

    def prefill(self, prompts: Any, lengths: Any, slots: tuple[int, ...]) -> tuple[Any, Any, Cache]:
        return self._prefill(prompts, lengths, slots)

    def extend(
        self, prompts: Any, lengths: Any, starts: Any, cache: Cache, logits: Any
    ) -> tuple[Any, Any, Cache]:
        return self._extend(prompts, lengths, starts, cache, logits)

    def begin(self, rows: Rows, logits: Any, hidden: Any, values: Values) -> Rows:
        inputs = (rows.parts(), logits, hidden, _tensors(values))
        try:
            return Rows(*self._begin(*inputs))
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            warnings.warn(
                f"XLA can't compile generation with {self.sampler!r}, which will be slower without "
                f"it: {error.message.splitlines()[0]}",
                HornbookWarning,
                stacklevel=2,
            )
            self._compile_sampling(jit_compile=False)
            return Rows(*self._begin(*inputs))

    def decode(self, state: GenerationState, steps: int, values: Values) -> GenerationState:
        parts = self._decode(state.parts(), tf.constant(steps), _tensors(values))
        return GenerationState.from_parts(parts)

    def _traced_prefill(
        self, prompts: Any, lengths: Any, slots: tuple[int, ...]
    ) -> tuple[Any, Any, Cache]:
        self.on_trace()
        return step.prefill(self.model, prompts, lengths, slots)

    def _traced_extend(self, *inputs: Any) -> tuple[Any, Any, Cache]:
        self.on_trace()
        return step.extend(self.model, *inputs)

    def _traced_begin(self, parts: Any, logits: Any, hidden: Any, values: Any) -> tuple[Any, ...]:
        sampler = self.sampler.with_traced_values(values)
        return step.begin(sampler, Rows(*parts), logits, hidden).parts()

    def _traced_decode(self, parts: Any, steps: Any, values: Any) -> Any:
        self.on_trace()
        sampler = self.sampler.with_traced_values(values)

        def is_open(count: Any, parts: Any) -> Any:
            all_done = tf.reduce_all(GenerationState.from_parts(parts).rows.done)
            return tf.logical_and(count < steps, tf.logical_not(all_done))

        def run(count: Any, parts: Any) -> Any:
            state = step.decode(self.model, sampler, GenerationState.from_parts(parts))
            return count + 1, state.parts()

        return tf.while_loop(is_open, run, (tf.constant(0), parts))[1]


def _compiled(function: Callable[..., Any], jit_compile: bool = True) -> Callable[..., Any]:
    return tf.function(function, jit_compile=jit_compile, autograph=False)


def _tensors(values: Values) -> Values:
    return tf.nest.map_structure(lambda value: tf.constant(value, tf.float32), values)
