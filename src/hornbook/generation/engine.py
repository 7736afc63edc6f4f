"""The generation engine: token ids in, token ids out. It knows nothing of strings."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation.batch import BatchRun, GeneratedStep, Stopper
from hornbook.generation.drafts import DraftedModel
from hornbook.generation.drivers import program_class
from hornbook.generation.drivers.program import Program
from hornbook.generation.language_model import LanguageModel, restart_lengths
from hornbook.generation.request import BatchRequest, fill_up, make_request
from hornbook.generation.slots import Slots

MAX_PROGRAMS = 8
PROMPT_SAMPLER = samplers.GreedySampler()
"""The sampler whose program runs all prompts: that doesn't depend on the sampler."""
WATCHED_STEPS = 8
"""So many tokens are made between two looks of a stopper that nobody waits for."""


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


class Engine:
    """Generates tokens with a model, a batch at a time.

    Rows are right-padded and each has its own position, so a row's tokens never depend on its
    neighbours. Programs are compiled for a batch size, a bucket of prompt lengths and a bucket of
    cache sizes; `compilations` counts them.

    Args:
        model: with a `backbone` that is a `CachedDecoder`, and with `project`.
        prompt_chunk: how many tokens run at a time of a prompt that has more than twice as many.
            Smaller ones take less memory. None leaves it to the backend: 256 on the CPU, 2048 on
            accelerators.

    Raises:
        GenerationError: when `prompt_chunk` is below 1.

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

    def __init__(self, model: LanguageModel, *, prompt_chunk: int | None = None) -> None:
        if prompt_chunk is not None and prompt_chunk < 1:
            raise GenerationError(f"prompt_chunk is {prompt_chunk}; expected 1 or more, or None")
        self.model = model
        self.prompt_chunk = prompt_chunk
        self.compilations = 0
        self._programs: dict[Any, Program] = {}
        self._drafted: tuple[LanguageModel, Engine] | None = None

    def generate(
        self,
        token_ids: Any,
        lengths: Any,
        *,
        limits: Any,
        sampler: Any = "greedy",
        stop_token_ids: Sequence[int] = (),
        seed: int | None = None,
        batch_size: int | None = None,
        stopper: Stopper | None = None,
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
            batch_size: how many prompts run at a time, the next one as soon as one is done; None
                runs all at once. The tokens are the same.
            stopper: is shown every step, and says which rows end with it.
            pad_token_id: fills the rows up.

        Returns:
            The rows, prompts included.

        Raises:
            GenerationError: when the prompts and the limits don't fit together or to the model.
        """
        request = make_request(
            self.model, token_ids, lengths, limits, sampler, stop_token_ids, seed, batch_size
        )
        if stopper is not None:
            _check_single_sequences(request.sampler, "stopped")
        run = self._run(request, stopper)
        deque(run.steps(None if stopper is None else WATCHED_STEPS), maxlen=0)
        return _padded(run, pad_token_id)

    def stream(
        self,
        token_ids: Any,
        lengths: Any,
        *,
        limits: Any,
        sampler: Any = "greedy",
        stop_token_ids: Sequence[int] = (),
        seed: int | None = None,
        batch_size: int | None = None,
        stopper: Stopper | None = None,
    ) -> Iterator[GeneratedStep]:
        """Generates as `generate` does, giving each token as soon as it is made.

        Arguments are checked at once. The work is done as the iterator is read, and closing it
        ends it. The stopper sees a step before the reader does. Tokens of beam search come all at
        once when their prompt is done.
        """
        request = make_request(
            self.model, token_ids, lengths, limits, sampler, stop_token_ids, seed, batch_size
        )
        _check_single_sequences(request.sampler, "streamed")
        return self._run(request, stopper).steps(1)

    def slots(
        self, size: int, *, sampler: Any = "greedy", stop_token_ids: Sequence[int] = ()
    ) -> Slots:
        """A batch that requests come into and leave one by one, as in a server."""
        return self._slots(size, samplers.get(sampler), fill_up(stop_token_ids))

    def with_draft(self, draft: LanguageModel) -> "Engine":
        """An engine for the model and a smaller one beside it; the last such engine is kept.

        Its prompts are run by both. A `SpeculativeSampler` with a `ModelDraft` uses it.
        """
        if self._drafted is None or self._drafted[0] is not draft:
            drafted = DraftedModel(self.model, draft)
            self._drafted = draft, Engine(drafted, prompt_chunk=self.prompt_chunk)
        return self._drafted[1]

    def _run(self, request: BatchRequest, stopper: Stopper | None) -> BatchRun:
        def slots(size: int) -> Slots:
            return self._slots(size, request.sampler, request.stop_token_ids)

        return BatchRun(request, slots, stopper)

    def _slots(self, size: int, sampler: samplers.Sampler, stop_token_ids: np.ndarray) -> Slots:
        limit = self.model.backbone.config.max_sequence_length
        # Keras takes milliseconds to collect them from all layers.
        program = partial(self._program, self.model.variables)
        return Slots(
            size, sampler, stop_token_ids, limit, program(PROMPT_SAMPLER), program,
            self.prompt_chunk, restart_lengths(self.model),
        )  # fmt: skip

    def _program(self, variables: list[Any], sampler: samplers.Sampler) -> Program:
        key = sampler.trace_key
        program = self._programs.pop(key, None)
        if program is None or not _same(program.variables, variables):
            program = program_class()(self.model, sampler, self._count)
        self._programs[key] = program
        if len(self._programs) > MAX_PROGRAMS:
            del self._programs[next(iter(self._programs))]
        return program

    def _count(self) -> None:
        self.compilations += 1


def _check_single_sequences(sampler: samplers.Sampler, what: str) -> None:
    if sampler.sequences_per_prompt is not None:
        raise GenerationError(
            f"{sampler!r} gives several sequences for each prompt, which can't be {what}; use "
            "return_all_beams=False, or generate without that"
        )


def _padded(run: BatchRun, pad_token_id: int) -> GenerationOutput:
    lengths = np.stack([results.lengths for results in run.results])
    token_ids = np.full((*lengths.shape, lengths.max()), pad_token_id, np.int32)
    for row, results in zip(token_ids, run.results, strict=True):
        tokens = results.tokens[..., : row.shape[-1]]
        kept = np.arange(tokens.shape[-1]) < results.lengths[..., None]
        row[..., : tokens.shape[-1]][kept] = tokens[kept]
    if run.results[0].log_probabilities is None:
        return GenerationOutput(token_ids, lengths)
    totals = np.stack([results.log_probabilities for results in run.results])
    return GenerationOutput(token_ids, lengths, totals)


def _same(variables: list[Any], others: list[Any]) -> bool:
    return len(variables) == len(others) and all(map(_is, variables, others))


def _is(one: Any, other: Any) -> bool:
    return one is other
