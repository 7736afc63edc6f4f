"""The steps of generation, written once in `keras.ops`; drivers compile and repeat them.

`prefill` runs the prompts, or their first piece and `extend` the others; `begin` lets the sampler
choose the first tokens, and `decode` runs the newest tokens and lets it choose the next ones. So no
token is run twice, and none in vain: the last one, after which nothing follows, never is.
"""

from collections.abc import Sequence
from typing import Any

from keras import ops

from hornbook.generation import speculation
from hornbook.generation.language_model import LanguageModel
from hornbook.generation.speculation import SpeculativeSampler
from hornbook.generation.state import Cache, GenerationState, take_rows
from hornbook.samplers import Sampler
from hornbook.samplers.rows import Rows


def prefill(
    model: LanguageModel, prompts: Any, lengths: Any, slots: Sequence[int]
) -> tuple[Any, Any, Cache]:
    """Runs right-padded prompts, or the beginning of longer ones.

    Args:
        model: the model.
        prompts: int32 [batch, length].
        lengths: int32 [batch], at least 1.
        slots: those of each layer's cache.

    Returns:
        The logits [batch, vocabulary] of the token after each, which mean nothing for a prompt that
        goes on; the hidden states [batch, length, hidden_dim]; and the cache. What padding leaves
        in it is overwritten before any token can see it.
    """
    cache = model.backbone.init_cache(prompts.shape[0], slots)
    return _run(model, prompts, lengths, None, cache)


def extend(
    model: LanguageModel, prompts: Any, lengths: Any, starts: Any, cache: Cache, logits: Any
) -> tuple[Any, Any, Cache]:
    """Runs the next piece of prompts.

    Args:
        model: the model.
        prompts: int32 [batch, length], the piece.
        lengths: int32 [batch], those of the whole prompts.
        starts: int32 [batch], where the piece begins.
        cache: with the pieces before it, and room for this one.
        logits: [batch, vocabulary], those after prompts that ended before it.

    Returns:
        As `prefill`, the logits those after prompts that ended before the piece or in it.
    """
    last, hidden, cache = _run(model, prompts, lengths, starts, cache)
    return ops.where((lengths > starts)[:, None], last, logits), hidden, cache


def _run(
    model: LanguageModel, prompts: Any, lengths: Any, starts: Any, cache: Cache
) -> tuple[Any, Any, Cache]:
    hidden, cache = model.backbone.call_with_cache(prompts, cache, starts, lengths)
    ends = lengths if starts is None else lengths - starts
    logits = model.project(_last(hidden, ops.clip(ends, 1, prompts.shape[1])))
    return ops.squeeze(logits, axis=1), hidden, cache


def begin(sampler: Sampler, rows: Rows, logits: Any, hidden: Any) -> Rows:
    """Lets the sampler take its first step.

    Args:
        sampler: the sampler.
        rows: the prompts.
        logits: those of `prefill`.
        hidden: for samplers that look ahead, the hidden states of `prefill`, filled up to the
            places of the rows; None for others.

    Returns:
        The rows after a step. All rows of a prompt were the same before it.
    """
    rows = sampler.start(rows, hidden)
    if hidden is not None:
        hidden = _repeat(_last(hidden, rows.starts[:: sampler.rows_per_prompt]), sampler)[:, 0]
    return sampler.advance(rows, _repeat(logits, sampler), hidden)[0]


def decode(model: LanguageModel, sampler: Sampler, state: GenerationState) -> GenerationState:
    """Runs each row's newest token and lets the sampler take a step."""
    if isinstance(sampler, SpeculativeSampler):
        return speculation.decode(model, sampler, state)
    rows, cache = state.rows, state.cache
    positions = rows.lengths - 1
    if sampler.looks_ahead:
        # The newest token is not counted yet; a row that fills its places is done.
        positions = ops.minimum(rows.lengths, state.capacity - 1)
    hidden, cache = model.backbone.call_with_cache(rows.newest[:, None], cache, positions)
    logits = ops.squeeze(model.project(hidden), axis=1)
    rows, parents = sampler.advance(rows, logits, hidden[:, 0])
    return GenerationState(rows, cache if parents is None else take_rows(cache, parents))


def _last(hidden: Any, lengths: Any) -> Any:
    """The hidden states [batch, 1, hidden_dim] of each row's last token."""
    places = ops.broadcast_to((lengths - 1)[:, None, None], (hidden.shape[0], 1, hidden.shape[-1]))
    return ops.take_along_axis(hidden, places, axis=1)


def _repeat(tensor: Any, sampler: Sampler) -> Any:
    if sampler.rows_per_prompt == 1:
        return tensor
    return ops.repeat(tensor, sampler.rows_per_prompt, axis=0)
