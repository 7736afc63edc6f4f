"""A batch of prompts on its way through slots, step by step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from hornbook.generation.progress import Progress
from hornbook.generation.request import BatchRequest
from hornbook.generation.slots import Slots
from hornbook.samplers.rows import Results


@dataclass(frozen=True)
class GeneratedStep:
    """One more token of some rows.

    Attributes:
        tokens: int32 [batch].
        active: bool [batch], false for a row that is done, or waits; its token means nothing.
    """

    tokens: np.ndarray
    active: np.ndarray


Stopper = Callable[[GeneratedStep], np.ndarray]
"""Is shown every step, and says which rows [batch] end with the token that they got in it."""


class BatchRun:
    """Runs a batch of prompts.

    Args:
        request: what is asked for.
        slots: makes the slots, of a size.
        stopper: may end rows.

    Attributes:
        results: of each prompt so far, as numpy arrays: tokens int32 [places] and their number, or
            [sequences, places], [sequences] and log probabilities.
    """

    def __init__(
        self, request: BatchRequest, slots: Callable[[int], Slots], stopper: Stopper | None
    ) -> None:
        self._stopper = stopper
        self.results = [_untouched(request, row) for row in range(len(request.lengths))]
        self._requests = request.rows()
        self._rows = {r: row for row, r in enumerate(self._requests) if r is not None}
        self._ended = np.zeros(len(self._requests), bool)
        self._slots: Slots | None = None
        if self._rows:
            self._slots = slots(min(request.batch_size, len(self._rows)))
            for each in self._rows:
                self._slots.submit(each)

    def steps(self, steps: int | None) -> Iterator[GeneratedStep]:
        """Runs to the end; the state is that of the last step given.

        Args:
            steps: how many tokens of a row are made before they are given; None leaves it to the
                backend.
        """
        while self._slots is not None and self._slots.busy:
            progress = {self._rows[each.request]: each for each in self._slots.step(steps)}
            for row, each in progress.items():
                self.results[row] = each.results
            new = {row: each.new_tokens for row, each in progress.items()}
            for offset in range(max(map(len, new.values()))):
                yield self._watched(self._step(new, offset), progress, offset)

    def _step(self, new: dict[int, np.ndarray], offset: int) -> GeneratedStep:
        tokens, active = np.zeros(len(self.results), np.int32), np.zeros(len(self.results), bool)
        for row, each in new.items():
            if offset < len(each) and not self._ended[row]:
                tokens[row], active[row] = each[offset], True
        return GeneratedStep(tokens, active)

    def _watched(
        self, step: GeneratedStep, progress: dict[int, Progress], offset: int
    ) -> GeneratedStep:
        """Shows a step to the stopper and ends the rows that it names."""
        if self._stopper is not None:
            for row in np.flatnonzero(self._stopper(step) & step.active).tolist():
                self._ended[row] = True
                end = np.int32(progress[row].start + offset + 1)
                self.results[row] = self.results[row]._replace(lengths=end)
                assert self._slots is not None
                self._slots.cancel(progress[row].request)
        return step


def _untouched(request: BatchRequest, row: int) -> Results:
    tokens, length = request.token_ids[row], request.lengths[row]
    count = request.sampler.sequences_per_prompt
    if count is None:
        return Results(tokens, length)
    shape = (count, len(tokens))
    return Results(np.broadcast_to(tokens, shape), np.full(count, length), np.zeros(count, "f4"))
