"""Beam search: several likely sequences side by side."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import keras
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers.rows import Results, Rows, fit, put
from hornbook.samplers.sampler import Sampler
from hornbook.samplers.transforms import LogitsTransform

NEVER = -float("inf")


class Beams(NamedTuple):
    """What beam search keeps: the beams that go on, and the best sequences that have ended.

    Attributes:
        sums: float32 [batch, beams], the log probability of what each beam has generated.
        tokens: int [batch, beams, places], sequences that ended, best first.
        lengths: int32 [batch, beams], their tokens, prompt included.
        ended: float32 [batch, beams], their log probabilities; minus infinity where there is none.
    """

    sums: Any
    tokens: Any
    lengths: Any
    ended: Any


@keras.saving.register_keras_serializable("hornbook")
class BeamSampler(Sampler):
    """Keeps the `num_beams` likeliest sequences at each step, and gives the best one.

    A sequence that makes a stop token leaves its beam to another one and is kept aside; so are all
    beams at the maximum length. The best is the one with the greatest log probability of its
    generated tokens, divided by their number to the power of `length_penalty`. A prompt is done
    when `num_beams` sequences have ended and the best that goes on is no better than the worst of
    them. These are the rules of `transformers` with `early_stopping=False`. With one beam it is
    greedy search.

    Tokens are final when the prompt is done: a stream gives its text at once, at the end.

    Args:
        num_beams: how many sequences are kept for each prompt.
        return_all_beams: give all of them, best first, and their log probabilities.
        length_penalty: above 0 longer sequences become better, below 0 shorter ones; 0 compares
            the log probabilities as they are. Without stop tokens all are equally long and it
            changes nothing.
        temperature: logits are divided by it.
        seed: not used, for nothing is drawn.
        transforms: change the logits; log probabilities are those after them.

    Example:
        >>> def next(prompt, cache, index):
        ...     return ops.log(ops.array([[0.1, 0.6, 0.3]] * len(prompt))), None, cache
        >>> sampler = BeamSampler(num_beams=2, return_all_beams=True)
        >>> sequences, log_probabilities = sampler(next, ops.zeros((1, 3), "int32"), index=1)
        >>> sequences.tolist()
        [[[0, 1, 1], [0, 1, 2]]]
    """

    traced = ("length_penalty", "temperature")

    def __init__(
        self,
        num_beams: int = 5,
        return_all_beams: bool = False,
        length_penalty: float = 1.0,
        *,
        temperature: float = 1.0,
        seed: int | None = None,
        transforms: Sequence[LogitsTransform] = (),
    ) -> None:
        super().__init__(temperature, seed, transforms)
        if num_beams < 1:
            raise GenerationError(f"num_beams is {num_beams}; expected 1 or more")
        if not math.isfinite(length_penalty):
            raise GenerationError(f"length_penalty is {length_penalty}; expected a number")
        self.num_beams = num_beams
        self.return_all_beams = return_all_beams
        self.length_penalty = length_penalty

    @property
    def rows_per_prompt(self) -> int:
        return self.num_beams

    @property
    def trace_key(self) -> tuple[Any, ...]:
        kind, fixed, transforms = super().trace_key
        return kind, tuple(pair for pair in fixed if pair[0] != "return_all_beams"), transforms

    @property
    def sequences_per_prompt(self) -> int | None:
        return self.num_beams if self.return_all_beams else None

    def start(self, rows: Rows, hidden: Any) -> Rows:
        tokens = self._by_prompt(rows.tokens)
        shape = tokens.shape[:2]
        # All beams of a prompt are the same at first: only one of them counts.
        first = ops.broadcast_to(ops.arange(self.num_beams) == 0, shape)
        beams = Beams(
            sums=ops.where(first, 0.0, ops.full(shape, NEVER, dtype="float32")),
            tokens=tokens,
            lengths=self._by_prompt(rows.starts),
            ended=ops.full(shape, NEVER, dtype="float32"),
        )
        return replace(rows, own=beams)

    def advance(self, rows: Rows, logits: Any, hidden: Any) -> tuple[Rows, Any]:
        logits = self._scaled(self.transformed(logits, rows))
        totals = ops.reshape(rows.own.sums, (-1, 1)) + ops.log_softmax(logits, axis=-1)
        totals, stops = self._by_prompt(totals), self._by_prompt(rows.next_stops())
        going = _going(totals, stops)
        beams = self._keep_ended(rows, going, _ending(totals, stops))
        starts = self._by_prompt(rows.starts)
        generated = self._by_prompt(rows.lengths) + 1 - starts
        best = self._score(going.sums, generated)[:, 0]
        worst = self._score(beams.ended, beams.lengths - starts)[:, -1]
        finished = ops.repeat(best <= worst, self.num_beams)
        offsets = ops.arange(totals.shape[0], dtype="int32")[:, None] * self.num_beams
        parents = ops.reshape(going.parents + offsets, (-1,))
        rows = rows.take(parents).append(ops.reshape(going.tokens, (-1,)))
        done = ops.logical_or(rows.done, finished)
        return replace(rows, done=done, own=beams._replace(sums=going.sums)), parents

    def resize(self, own: Any, places: int) -> Any:
        return own._replace(tokens=fit(own.tokens, places, 2))

    def results(self, rows: Rows) -> Results:
        beams: Beams = rows.own
        final = ops.logical_and(self._by_prompt(rows.done), beams.ended > NEVER)
        lengths = ops.where(final, beams.lengths, self._by_prompt(rows.starts))
        if self.return_all_beams:
            return Results(beams.tokens, lengths, beams.ended)
        return Results(beams.tokens[:, 0], lengths[:, 0])

    def get_config(self) -> dict[str, Any]:
        return {
            "num_beams": self.num_beams,
            "return_all_beams": self.return_all_beams,
            "length_penalty": self.length_penalty,
            **super().get_config(),
        }

    def _keep_ended(self, rows: Rows, going: "Candidates", ending: "Candidates") -> Beams:
        """Keeps the best of the sequences that had ended and of those that end now."""
        beams: Beams = rows.own
        sums, parents, tokens = (
            ops.concatenate(both, axis=1) for both in zip(going, ending, strict=True)
        )
        # What ends counts if it is among the best of all that could come next.
        sums, index = _top(sums, self.num_beams)
        at_limit = self._by_prompt(rows.lengths + 1 >= rows.limits)
        ends = ops.logical_or(index >= self.num_beams, at_limit)
        ends = ops.logical_and(ends, ops.logical_not(self._by_prompt(rows.done)))
        places = self._by_prompt(rows.lengths)
        sequences = _pick(self._by_prompt(rows.tokens), _pick(parents, index))
        sequences = put(
            sequences, places, ops.cast(_pick(tokens, index), sequences.dtype), places >= 0
        )
        sequences = ops.concatenate([beams.tokens, sequences], axis=1)
        lengths = ops.concatenate([beams.lengths, places + 1], axis=1)
        ended = ops.concatenate([beams.ended, ops.where(ends, sums, NEVER)], axis=1)
        starts = ops.tile(self._by_prompt(rows.starts), (1, 2))
        _, best = _top(self._score(ended, lengths - starts), self.num_beams)
        return Beams(beams.sums, _pick(sequences, best), _pick(lengths, best), _pick(ended, best))

    def _score(self, sums: Any, generated: Any) -> Any:
        """What sequences are compared by: log probabilities, and the number of their tokens."""
        count = ops.cast(ops.maximum(generated, 1), "float32")
        return sums / ops.power(count, self.length_penalty)

    def _by_prompt(self, rows: Any) -> Any:
        """[rows, ...] as [batch, beams, ...]."""
        return ops.reshape(rows, (-1, self.num_beams, *rows.shape[1:]))


class Candidates(NamedTuple):
    """Ways to go on for each prompt, [batch, candidates] each.

    Attributes:
        sums: float32, log probabilities.
        parents: int32, the beams that they go on from.
        tokens: int32, the tokens that they add.
    """

    sums: Any
    parents: Any
    tokens: Any


def _going(totals: Any, stops: Any) -> Candidates:
    """The best sequences with one more token [batch, beams, vocabulary] that goes on."""
    batch, beams, vocabulary = totals.shape
    is_stop = ops.any(ops.arange(vocabulary) == stops[:, :, :, None], axis=2)
    totals = ops.where(is_stop, NEVER, totals)
    sums, index = _top(ops.reshape(totals, (batch, -1)), beams)
    return Candidates(sums, index // vocabulary, index % vocabulary)


def _ending(totals: Any, stops: Any) -> Candidates:
    """All sequences that end with a stop token [batch, beams, stop tokens]."""
    batch, beams, vocabulary = totals.shape
    tokens = ops.clip(stops, 0, vocabulary - 1)
    sums = ops.take_along_axis(totals, tokens, axis=-1)
    sums = ops.where(tokens == stops, sums, NEVER)
    parents = ops.broadcast_to(ops.arange(beams, dtype="int32")[:, None], stops.shape)
    sums, parents, tokens = (ops.reshape(x, (batch, -1)) for x in (sums, parents, tokens))
    return Candidates(sums, parents, tokens)


def _top(values: Any, count: int) -> tuple[Any, Any]:
    values, index = ops.top_k(values, count)
    return values, ops.cast(index, "int32")


def _pick(table: Any, index: Any) -> Any:
    """Entries `index` [batch, m] of a table [batch, n, ...]: [batch, m, ...]."""
    batch, count = table.shape[:2]
    flat = ops.reshape(table, (batch * count, *table.shape[2:]))
    return ops.take(flat, index + ops.arange(batch, dtype="int32")[:, None] * count, axis=0)
