"""What is asked of the engine, checked before any work is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation.step import LanguageModel

STOP_IDS_MULTIPLE = 8
"""Stop tokens are filled up to a multiple of this, so that their number compiles nothing new."""


@dataclass(frozen=True)
class GenerationRequest:
    """A batch of prompts and how to go on from them.

    Attributes:
        token_ids: int32 [batch, longest prompt], right-padded.
        lengths: int32 [batch], each at least 1.
        limits: int32 [batch], each at least the length and at most the model's limit.
        stop_token_ids: int32 [any], filled up with -1.
        sampler: picks the tokens.
        seed: of the random numbers; None for new ones.
        model_limit: the positions that the model has.
    """

    token_ids: np.ndarray
    lengths: np.ndarray
    limits: np.ndarray
    stop_token_ids: np.ndarray
    sampler: samplers.Sampler
    seed: int | None
    model_limit: int

    @property
    def longest(self) -> int:
        """The length of the longest prompt."""
        return int(self.lengths.max())

    @property
    def longest_limit(self) -> int:
        """The length that no row exceeds."""
        return int(self.limits.max())


def make_request(
    model: LanguageModel,
    token_ids: Any,
    lengths: Any,
    limits: Any,
    sampler: Any,
    stop_token_ids: Sequence[int],
    seed: int | None,
) -> GenerationRequest:
    """Checks and converts what `Engine.generate` is given."""
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
    model_limit = model.backbone.config.max_sequence_length
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
    sampler = samplers.get(sampler)
    return GenerationRequest(
        token_ids=token_ids[:, : lengths.max()],
        lengths=lengths,
        limits=limits,
        stop_token_ids=_fill_up(stop_token_ids),
        sampler=sampler,
        seed=sampler.seed if seed is None else seed,
        model_limit=model_limit,
    )


def _fill_up(stop_token_ids: Sequence[int]) -> np.ndarray:
    stop_token_ids = list(dict.fromkeys(stop_token_ids))
    size = max(1, -(-len(stop_token_ids) // STOP_IDS_MULTIPLE)) * STOP_IDS_MULTIPLE
    filled = np.full(size, -1, dtype=np.int32)
    filled[: len(stop_token_ids)] = stop_token_ids
    return filled
