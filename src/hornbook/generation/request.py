"""What is asked of the engine, checked before any work is done."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation.language_model import LanguageModel
from hornbook.samplers.uniforms import row_uniforms

STOP_IDS_MULTIPLE = 8
"""Stop tokens are filled up to a multiple of this, so that their number compiles nothing new."""


def _new_seed() -> int:
    return random.getrandbits(63)


@dataclass(frozen=True, eq=False)
class Request:
    """A prompt, and how far to go on from it. Two requests are never equal.

    Attributes:
        token_ids: int [length], at least one.
        limit: the length at which it is done, prompt included; greater than the prompt's.
        seed: of its random numbers; by default one from Python's generator.
        stream: which of the seed's streams of random numbers it takes; the first one if its
            sampler needs several.
    """

    token_ids: np.ndarray
    limit: int
    seed: int = field(default_factory=_new_seed)
    stream: int = 0

    def uniforms(self, rows: int, each: int = 1) -> np.ndarray:
        """The random numbers for the tokens of each of its rows.

        Float32 [rows, limit]; where each token takes several, [rows, limit, each].
        """
        numbers = row_uniforms(self.seed, rows, self.limit * each, first=self.stream)
        return numbers if each == 1 else numbers.reshape(rows, self.limit, each)


def stacked_uniforms(
    requests: Sequence[Request | None], rows: int, each: int, places: int
) -> np.ndarray:
    """The random numbers of several requests, one after the other, zeros where there is none.

    Float32 [requests * rows, places]; where each token takes several, [..., places, each].
    """
    shape = (len(requests), rows, places) if each == 1 else (len(requests), rows, places, each)
    table = np.zeros(shape, np.float32)
    for own, request in zip(table, requests, strict=True):
        if request is not None:
            numbers = request.uniforms(rows, each)[:, :places]
            own[:, : numbers.shape[1]] = numbers
    return table.reshape(-1, *shape[2:])


@dataclass(frozen=True)
class BatchRequest:
    """A batch of prompts and how to go on from them.

    Attributes:
        token_ids: int32 [batch, longest prompt], right-padded.
        lengths: int32 [batch], each at least 1.
        limits: int32 [batch], each at least the length and at most the model's limit.
        stop_token_ids: int32 [any], filled up with -1.
        sampler: picks the tokens.
        seed: of the random numbers.
        batch_size: how many prompts run at a time.
    """

    token_ids: np.ndarray
    lengths: np.ndarray
    limits: np.ndarray
    stop_token_ids: np.ndarray
    sampler: samplers.Sampler
    seed: int
    batch_size: int

    def rows(self) -> list[Request | None]:
        """The prompts one by one; None for those that are as long as they may get."""
        rows = zip(self.token_ids, self.lengths.tolist(), self.limits.tolist(), strict=True)
        times = self.sampler.rows_per_prompt
        return [
            Request(token_ids[:length], limit, self.seed, index * times) if length < limit else None
            for index, (token_ids, length, limit) in enumerate(rows)
        ]


def make_request(
    model: LanguageModel,
    token_ids: Any,
    lengths: Any,
    limits: Any,
    sampler: Any,
    stop_token_ids: Sequence[int],
    seed: int | None,
    batch_size: int | None,
) -> BatchRequest:
    """Checks and converts what `Engine.generate` is given."""
    token_ids, lengths = _read_prompts(token_ids, lengths)
    limits = _read_limits(limits, lengths, model.backbone.config.max_sequence_length)
    if batch_size is not None and batch_size < 1:
        raise GenerationError(
            f"batch_size is {batch_size}; expected 1 or more, or None for all prompts at once"
        )
    sampler = samplers.get(sampler)
    seed = sampler.seed if seed is None else seed
    return BatchRequest(
        token_ids=token_ids[:, : lengths.max()],
        lengths=lengths,
        limits=limits,
        stop_token_ids=fill_up(stop_token_ids),
        sampler=sampler,
        seed=_new_seed() if seed is None else seed,
        batch_size=len(lengths) if batch_size is None else batch_size,
    )


def _read_prompts(token_ids: Any, lengths: Any) -> tuple[np.ndarray, np.ndarray]:
    token_ids = np.asarray(token_ids, dtype=np.int32)
    lengths = np.asarray(lengths, dtype=np.int32)
    if token_ids.ndim != 2 or lengths.shape != token_ids.shape[:1] or not len(lengths):
        raise GenerationError(
            f"token_ids has shape {token_ids.shape} and lengths {lengths.shape}; expected "
            "[batch, length] and [batch]"
        )
    if lengths.min() < 1 or lengths.max() > token_ids.shape[1]:
        raise GenerationError(
            f"Prompts have {lengths.min()} to {lengths.max()} tokens in an array of "
            f"{token_ids.shape[1]}; expected at least one token each: for an empty text, a "
            "preprocessor with add_start_token=True gives one"
        )
    return token_ids, lengths


def _read_limits(limits: Any, lengths: np.ndarray, model_limit: int) -> np.ndarray:
    limits = np.broadcast_to(np.asarray(limits, dtype=np.int32), lengths.shape).copy()
    if limits.max() > model_limit:
        raise GenerationError(
            f"The maximum length is {limits.max()}, but the model has {model_limit} positions; "
            "ask for that at most"
        )
    if (lengths > limits).any():
        row = int(np.argmax(lengths > limits))
        raise GenerationError(
            f"A prompt has {lengths[row]} tokens, but the maximum length is {limits[row]}, prompt "
            "included; shorten it, or ask for a greater max_length"
        )
    return limits


def fill_up(stop_token_ids: Sequence[int]) -> np.ndarray:
    """Stop tokens without repetitions as int32 [any], filled up with -1."""
    stop_token_ids = list(dict.fromkeys(stop_token_ids))
    size = max(1, -(-len(stop_token_ids) // STOP_IDS_MULTIPLE)) * STOP_IDS_MULTIPLE
    filled = np.full(size, -1, dtype=np.int32)
    filled[: len(stop_token_ids)] = stop_token_ids
    return filled
