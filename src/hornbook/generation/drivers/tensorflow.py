"""TensorFlow: `tf.function` with a while loop inside, compiled by XLA."""

import warnings
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from hornbook.errors import HornbookWarning
from hornbook.generation import step
from hornbook.generation.drivers.program import Program, Values
from hornbook.generation.state import Cache, GenerationState


class TensorFlowProgram(Program):
    """Runs generation under `tf.function`; variables are captured, not copied."""

    chunk = 32

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._compile(jit_compile=True)

    def _compile(self, jit_compile: bool) -> None:
        def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
            return tf.function(function, jit_compile=jit_compile, autograph=False)

        self._prefill = compiled(self._traced_prefill)
        self._decode = compiled(self._traced_decode)

    def prefill(
        self, prompts: Any, lengths: Any, uniforms: Any, values: Values
    ) -> tuple[Any, Cache]:
        inputs = (prompts, lengths, uniforms, _tensors(values))
        try:
            return self._prefill(*inputs)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            warnings.warn(
                f"XLA can't compile generation with {self.sampler!r}, which will be slower without "
                f"it: {error.message.splitlines()[0]}",
                HornbookWarning,
                stacklevel=2,
            )
            self._compile(jit_compile=False)
            return self._prefill(*inputs)

    def append(self, state: GenerationState, tokens: Any) -> GenerationState:
        return step.append(state, tokens)

    def decode(self, state: GenerationState, steps: int, values: Values) -> GenerationState:
        parts = self._decode(state.parts(), tf.constant(steps), _tensors(values))
        return GenerationState(*parts)

    def _traced_prefill(
        self, prompts: Any, lengths: Any, uniforms: Any, values: Any
    ) -> tuple[Any, Cache]:
        self.on_trace()
        sampler = self.sampler.with_traced_values(values)
        return step.prefill(self.model, sampler, prompts, lengths, uniforms)

    def _traced_decode(self, parts: Any, steps: Any, values: Any) -> Any:
        self.on_trace()
        sampler = self.sampler.with_traced_values(values)

        def is_open(count: Any, *parts: Any) -> Any:
            all_done = tf.reduce_all(GenerationState(*parts).done)
            return tf.logical_and(count < steps, tf.logical_not(all_done))

        def run(count: Any, *parts: Any) -> Any:
            state = step.decode(self.model, sampler, GenerationState(*parts))
            return (count + 1, *state.parts())

        return tf.while_loop(is_open, run, (tf.constant(0), *parts))[1:]


def _tensors(values: Values) -> tuple[Any, ...]:
    return tuple(tf.constant(value, tf.float32) for value in values)
