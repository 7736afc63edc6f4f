"""Prompts on their way into the cache, long ones piece by piece.

A piece reads the cache of those before it. So attention never scores a whole long prompt against
itself, and the programs for one size of pieces serve all long prompts.
"""

from typing import Any

import numpy as np
from keras import ops

from hornbook.generation.buckets import Piece, prompt_pieces
from hornbook.generation.drivers.program import Program
from hornbook.generation.state import Cache, resize_cache


def run_prompts(
    program: Program,
    prompts: np.ndarray,
    lengths: np.ndarray,
    *,
    chunk: int,
    maximum: int,
    ahead: int = 0,
    keeps_hidden: bool = False,
) -> tuple[Any, Any, Cache]:
    """Runs right-padded prompts.

    Args:
        program: of the model; its sampler doesn't matter.
        prompts: int32 [batch, places], the places of the batch that they are for.
        lengths: int32 [batch], at least 1.
        chunk: how many tokens of a longer prompt run at a time.
        maximum: the model's positions.
        ahead: how many tokens later steps run behind their first one, for which a layer that keeps
            its window alone has room.
        keeps_hidden: whether the hidden states are wanted.

    Returns:
        The logits [batch, vocabulary] of the token after each; the hidden states
        [batch, any, hidden_dim] of all of them, or None; and the cache, with slots for the longest
        and for at most `places`.
    """
    batch, places = prompts.shape
    slots = program.model.backbone.cache_slots
    piece, *others = prompt_pieces(int(lengths.max()), chunk, maximum)
    ends = ops.convert_to_tensor(lengths)
    logits, hidden, cache = program.prefill(
        _tokens(prompts, piece), ends, slots(piece.slots, ahead)
    )
    states = [hidden]
    for piece in others:
        starts = ops.convert_to_tensor(np.full(batch, piece.start, np.int32))
        cache = resize_cache(cache, slots(piece.slots, ahead))
        logits, hidden, cache = program.extend(_tokens(prompts, piece), ends, starts, cache, logits)
        if keeps_hidden:
            states.append(hidden)
    cache = resize_cache(cache, slots(min(piece.slots, places), ahead))
    return logits, ops.concatenate(states, axis=1) if keeps_hidden else None, cache


def _tokens(prompts: np.ndarray, piece: Piece) -> Any:
    tokens = prompts[:, piece.start : piece.end]
    return ops.convert_to_tensor(np.pad(tokens, ((0, 0), (0, piece.size - tokens.shape[1]))))
