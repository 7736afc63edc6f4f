"""The generation engine: token ids in, token ids out. It knows nothing of strings."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation.buckets import cache_bucket, prompt_bucket
from hornbook.generation.drivers import program_class
from hornbook.generation.drivers.program import Program
from hornbook.generation.request import GenerationRequest, make_request
from hornbook.generation.state import GenerationState, grow, grow_cache, take_rows
from hornbook.generation.step import LanguageModel
from hornbook.samplers.rows import Results, Rows, pad
from hornbook.samplers.uniforms import row_uniforms

MAX_PROGRAMS = 8
PROMPT_SAMPLER = samplers.GreedySampler()
"""The sampler whose program runs all prompts: that doesn't depend on the sampler."""


@dataclass(frozen=True)
class GenerationOutput:
    """Finished rows.

    Attributes:
        token_ids: int32 [batch, longest row], prompts included, right-padded; from a sampler that
            gives several sequences for each prompt [batch, sequences, longest row].
        lengths: int32 [batch] or [batch, sequences], the tokens of each row, with the stop token
            if it made one.
        log_probabilities: float32 [batch, sequences] where there are several, else None.
    """

    token_ids: np.ndarray
    lengths: np.ndarray
    log_probabilities: np.ndarray | None = None


@dataclass(frozen=True)
class GeneratedStep:
    """One more token of each row.

    Attributes:
        tokens: int32 [batch].
        active: bool [batch], false for a row that was done before; its token means nothing.
    """

    tokens: np.ndarray
    active: np.ndarray


class Engine:
    """Generates tokens with a model, a batch at a time.

    Rows are right-padded and each has its own position, so a row's tokens never depend on its
    neighbours. Programs are compiled for a batch size, a bucket of prompt lengths and a bucket of
    cache sizes; `compilations` counts them.

    Args:
        model: with a `backbone` that has `init_cache` and `call_with_cache`, and with `project`.

    Example:
        >>> from hornbook.models import GPT2Backbone, GPT2CausalLM
        >>> model = GPT2CausalLM(
        ...     GPT2Backbone(vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8)
        ... )
        >>> engine = Engine(model)
        >>> output = engine.generate(np.array([[3, 4, 5], [6, 0, 0]]), [3, 1], limits=5)
        >>> output.token_ids.shape, output.lengths.tolist()
        ((2, 5), [5, 5])
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self.compilations = 0
        self._programs: dict[Any, Program] = {}

    def generate(
        self,
        token_ids: Any,
        lengths: Any,
        *,
        limits: Any,
        sampler: Any = "greedy",
        stop_token_ids: Sequence[int] = (),
        seed: int | None = None,
        pad_token_id: int = 0,
    ) -> GenerationOutput:
        """Generates until every row is done.

        Args:
            token_ids: int [batch, length], prompts, right-padded.
            lengths: int [batch], the length of each prompt, at least 1.
            limits: the length, prompt included, at which a row is done; an int, or one a row.
            sampler: a sampler, or what `samplers.get` takes.
            stop_token_ids: a row is done after making one of these.
            seed: of the random numbers; None takes the sampler's.
            pad_token_id: fills the rows up.

        Returns:
            The rows, prompts included.

        Raises:
            GenerationError: when the prompts and the limits don't fit together or to the model.
        """
        request = make_request(
            self.model, token_ids, lengths, limits, sampler, stop_token_ids, seed
        )
        (results,) = deque(self._run(request, step=None), maxlen=1)
        places = np.arange(results.lengths.max())
        kept = places < results.lengths[..., None]
        tokens = np.where(kept, results.tokens[..., : len(places)], pad_token_id)
        return GenerationOutput(tokens.astype(np.int32), results.lengths, results.log_probabilities)

    def stream(
        self,
        token_ids: Any,
        lengths: Any,
        *,
        limits: Any,
        sampler: Any = "greedy",
        stop_token_ids: Sequence[int] = (),
        seed: int | None = None,
    ) -> Iterator[GeneratedStep]:
        """Generates as `generate` does, giving each token as soon as it is made.

        Arguments are checked at once. The work is done as the iterator is read, and closing it
        ends it. Tokens of beam search come all at once when their prompt is done.
        """
        request = make_request(
            self.model, token_ids, lengths, limits, sampler, stop_token_ids, seed
        )
        if request.sampler.sequences_per_prompt is not None:
            raise GenerationError(
                f"{request.sampler!r} gives several sequences for each prompt, which can't be "
                "streamed; use return_all_beams=False, or generate without a stream"
            )
        return self._steps(request)

    def _steps(self, request: GenerationRequest) -> Iterator[GeneratedStep]:
        before = request.lengths
        rows = np.arange(len(before))
        for tokens, lengths, _ in self._run(request, step=1):
            for offset in range((lengths - before).max()):
                places = np.minimum(before + offset, tokens.shape[1] - 1)
                yield GeneratedStep(tokens[rows, places], before + offset < lengths)
            before = lengths

    def _run(self, request: GenerationRequest, step: int | None) -> Iterator[Results]:
        """Gives the results so far after the prompts and each chunk, as numpy arrays."""
        sampler = request.sampler
        if (request.lengths >= request.limits).all():
            yield _prompts_alone(request)
            return
        runner = self._program(PROMPT_SAMPLER)
        program = self._program(sampler)
        values = sampler.traced_values()
        rows = len(request.lengths) * sampler.rows_per_prompt
        uniforms = row_uniforms(request.seed, rows, request.longest_limit)
        capacity = cache_bucket(request.longest, request.longest_limit, request.model_limit)
        state = _start(runner, program, request, capacity, uniforms)
        while True:
            results = Results(*map(_as_numpy, sampler.results(state.rows)))
            lengths, done = _as_numpy(state.rows.lengths), _as_numpy(state.rows.done)
            yield results
            if done.all():
                return
            longest = int(lengths[~done].max())
            if longest == state.capacity:
                capacity = cache_bucket(longest, request.longest_limit, request.model_limit)
                columns = ops.convert_to_tensor(_columns(uniforms, capacity))
                state = grow(state, sampler, capacity, columns)
            steps = min(step or program.chunk, state.capacity - longest)
            state = program.decode(state, steps, values)

    def _program(self, sampler: samplers.Sampler) -> Program:
        key = sampler.trace_key
        variables = self.model.variables
        program = self._programs.pop(key, None)
        if program is None or not _same(program.variables, variables):
            program = program_class()(self.model, sampler, self._count)
        self._programs[key] = program
        if len(self._programs) > MAX_PROGRAMS:
            del self._programs[next(iter(self._programs))]
        return program

    def _count(self) -> None:
        self.compilations += 1


def _start(
    runner: Program,
    program: Program,
    request: GenerationRequest,
    capacity: int,
    uniforms: np.ndarray,
) -> GenerationState:
    """Runs the prompts and lets the sampler take its first step."""
    sampler = request.sampler
    size = prompt_bucket(request.longest, request.model_limit)
    logits, hidden, cache = runner.prefill(
        ops.convert_to_tensor(_columns(request.token_ids, size)),
        ops.convert_to_tensor(request.lengths),
    )

    def repeated(table: np.ndarray) -> Any:
        return ops.convert_to_tensor(np.repeat(table, sampler.rows_per_prompt, axis=0))

    tokens = _columns(request.token_ids, capacity)
    rows = Rows(
        tokens=repeated(tokens),
        newest=repeated(np.take_along_axis(tokens, request.lengths[:, None] - 1, axis=1)[:, 0]),
        starts=repeated(request.lengths),
        lengths=repeated(request.lengths),
        limits=repeated(request.limits),
        done=repeated(request.lengths >= request.limits),
        uniforms=ops.convert_to_tensor(_columns(uniforms, capacity)),
        stop_token_ids=ops.convert_to_tensor(request.stop_token_ids[None]),
    )
    hidden = pad(hidden, capacity, 1) if sampler.looks_ahead else None
    rows = program.begin(rows, logits, hidden, request.sampler.traced_values())
    cache = grow_cache(cache, capacity)
    if sampler.rows_per_prompt > 1:
        prompts = np.arange(len(request.lengths), dtype="int32")
        cache = take_rows(cache, repeated(prompts))
    return GenerationState(rows, cache)


def _prompts_alone(request: GenerationRequest) -> Results:
    count = request.sampler.sequences_per_prompt
    if count is None:
        return Results(request.token_ids, request.lengths)
    tokens = np.repeat(request.token_ids[:, None], count, axis=1)
    lengths = np.repeat(request.lengths[:, None], count, axis=1)
    return Results(tokens, lengths, np.zeros(lengths.shape, np.float32))


def _as_numpy(tensor: Any) -> Any:
    return None if tensor is None else ops.convert_to_numpy(tensor)


def _columns(table: np.ndarray, size: int) -> np.ndarray:
    """A table's first `size` columns, with zeros for those that it doesn't have."""
    kept = table[:, :size]
    return np.pad(kept, [(0, 0), (0, size - kept.shape[1])])


def _same(variables: list[Any], others: list[Any]) -> bool:
    return len(variables) == len(others) and all(map(_is, variables, others))


def _is(one: Any, other: Any) -> bool:
    return one is other
