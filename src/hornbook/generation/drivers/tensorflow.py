"""TensorFlow: `tf.function` with a while loop inside, compiled by XLA.

On the CPU prompts in bfloat16 are not: without XLA they are as fast, and sooner compiled. Measured
in docs/decisions/tensorflow_cpu.md.
"""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import ml_dtypes
import numpy as np
import tensorflow as tf
from tensorflow.compiler.tf2xla.python.xla import optimization_barrier

from hornbook.errors import HornbookWarning
from hornbook.generation import step
from hornbook.generation.drivers.kernel_codes import Access, KernelCodes
from hornbook.generation.drivers.program import Program, Values
from hornbook.generation.drivers.tensorflow_vectors import prefer_wide_vectors
from hornbook.generation.state import Cache, GenerationState
from hornbook.layers.kv_cache import caches_in_place, is_xla_on_the_cpu
from hornbook.layers.likeliest_product import Codes, only_likeliest
from hornbook.layers.tensorflow_product import compiled_by_xla
from hornbook.native.scope import machine_code
from hornbook.native.xla_calls import has_native_likeliest
from hornbook.samplers import Sampler
from hornbook.samplers.rows import Rows


class TensorFlowProgram(Program):
    """Runs generation under `tf.function`; variables are captured, not copied."""

    chunk = 32

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        if self.on_cpu():
            prefer_wide_vectors()
        self._is_half = self.on_cpu() and self.matrix_dtypes == {"bfloat16"}
        self._prefill = _compiled(self._traced_prefill, not self._is_half)
        self._extend = _compiled(self._traced_extend, not self._is_half)
        self._begin = _compiled(self._traced_begin)
        self._xla_decode = _compiled(self._traced_xla_decode)
        self._plain_decode = _compiled(self._traced_plain_decode, jit_compile=False)
        self._can_sample_in_xla = True
        access = Access(
            has_native_likeliest, _numbers, tf.convert_to_tensor, _address, is_shared=True
        )
        self._codes = KernelCodes(self.model, self.sampler, access)

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
            self._begin = _compiled(self._traced_begin, jit_compile=False)
            self._can_sample_in_xla = False
            return Rows(*self._begin(*inputs))

    def decode(self, state: GenerationState, steps: int, values: Values) -> GenerationState:
        run = self._xla_decode if self._can_sample_in_xla else self._plain_decode
        if self.on_cpu() and self._can_sample_in_xla:
            state = _with_cache_in("float32", state)
        elif self._is_half:
            state = _with_cache_in("bfloat16", state)
        codes = self._codes.of(self.rows_projected(state)) if self._can_sample_in_xla else None
        parts = run(state.parts(), tf.constant(steps), _tensors(values), codes)
        return GenerationState.from_parts(parts)

    def _traced_prefill(
        self, prompts: Any, lengths: Any, slots: tuple[int, ...]
    ) -> tuple[Any, Any, Cache]:
        self.on_trace()
        return step.prefill(self.model, prompts, lengths, slots)

    def _traced_extend(self, *inputs: Any) -> tuple[Any, Any, Cache]:
        self.on_trace()
        with self._writing_into_caches(self._is_half):
            return step.extend(self.model, *inputs)

    def _traced_begin(self, parts: Any, logits: Any, hidden: Any, values: Any) -> tuple[Any, ...]:
        sampler = self.sampler.with_traced_values(values)
        return step.begin(sampler, Rows(*parts), logits, hidden).parts()

    def _traced_xla_decode(self, *inputs: Any) -> Any:
        return self._traced_decode(self._unconverted if self._is_half else self._step, *inputs)

    def _traced_plain_decode(self, *inputs: Any) -> Any:
        with self._writing_into_caches(True):
            return self._traced_decode(self._step, *inputs)

    def _traced_decode(
        self,
        take_step: Callable[..., Any],
        parts: Any,
        steps: Any,
        values: Any,
        codes: Codes | None = None,
    ) -> Any:
        self.on_trace()
        sampler = self.sampler.with_traced_values(values)

        def is_open(count: Any, parts: Any) -> Any:
            all_done = tf.reduce_all(GenerationState.from_parts(parts).rows.done)
            return tf.logical_and(count < steps, tf.logical_not(all_done))

        def run(count: Any, parts: Any) -> Any:
            with only_likeliest(self._codes.asked(codes)):
                return count + 1, take_step(sampler, parts, count)

        return tf.while_loop(is_open, run, (tf.constant(0), parts))[1]

    def _step(self, sampler: Sampler, parts: Any, count: Any) -> Any:
        return step.decode(self.model, sampler, GenerationState.from_parts(parts)).parts()

    def _unconverted(self, sampler: Sampler, parts: Any, count: Any) -> Any:
        """A step with weights that XLA can't convert before the loop."""
        weights = optimization_barrier(*_values(self.variables), count)[:-1]
        own = sampler.variables
        mapping = [*zip(self.variables, weights, strict=True), *zip(own, _values(own), strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            parts = self._step(sampler, parts, count)
        for variable in own:
            variable.assign(scope.get_current_value(variable))
        return parts

    def _writing_into_caches(self, is_plain: bool) -> AbstractContextManager[None]:
        return caches_in_place() if is_plain and self.on_cpu() else nullcontext()


def _with_cache_in(dtype: str, state: GenerationState) -> GenerationState:
    """The state, its cache in that dtype; the values are those of the compute dtype in any case."""
    cache = keras.tree.map_structure(lambda table: tf.cast(table, dtype), state.cache)
    return GenerationState(state.rows, cache)


def _values(variables: list[Any]) -> list[tf.Tensor]:
    return [tf.convert_to_tensor(variable.value) for variable in variables]


def _numbers(variable: tf.Variable) -> np.ndarray:
    """A variable's own memory: TensorFlow writes elsewhere while somebody has it."""
    value = variable.read_value()
    if value.dtype != tf.bfloat16:
        return np.asarray(memoryview(value))
    return np.asarray(memoryview(tf.bitcast(value, tf.uint16))).view(ml_dtypes.bfloat16)


def _address(variable: tf.Variable) -> int:
    return _numbers(variable).ctypes.data


def _compiled(function: Callable[..., Any], jit_compile: bool = True) -> Callable[..., Any]:
    def traced(*inputs: Any) -> Any:
        if not jit_compile:
            return function(*inputs)
        with compiled_by_xla(), machine_code():
            return function(*inputs)

    return tf.function(traced, jit_compile=jit_compile, autograph=False)


def _tensors(values: Values) -> Values:
    return tf.nest.map_structure(lambda value: tf.constant(value, tf.float32), values)
