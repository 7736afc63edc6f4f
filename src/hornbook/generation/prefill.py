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
    keeps_hidden: bool = False,
) -> tuple[Any, Any, Cache]:
    """Runs right-padded prompts.

    Args:
        program: of the model; its sampler doesn't matter.
        prompts: int32 [batch, places], the places of the batch that they are for.
        lengths: int32 [batch], at least 1.
        chunk: how many tokens of a longer prompt run at a time.
        maximum: the model's positions.
        keeps_hidden: whether the hidden states are wanted.

    Returns:
        The logits [batch, vocabulary] of the token after each; the hidden states
        [batch, any, hidden_dim] of all of them, or None; and the cache, with slots for the longest
        and at most `places`.
    """
    batch, places = prompts.shape
    piece, *others = prompt_pieces(int(lengths.max()), chunk, maximum)
    ends = ops.convert_to_tensor(lengths)
    logits, hidden, cache = program.prefill(_tokens(prompts, piece), ends)
    states, end = [hidden], piece.end
    for piece in others:
        starts = ops.convert_to_tensor(np.full(batch, piece.start, np.int32))
        cache = resize_cache(cache, piece.slots)
        logits, hidden, cache = program.extend(_tokens(prompts, piece), ends, starts, cache, logits)
        if keeps_hidden:
            # A last piece may begin among the tokens of the one before it.
            states.append(hidden[:, end - piece.start :])
        end = piece.end
    cache = resize_cache(cache, min(piece.slots, places))
    return logits, ops.concatenate(states, axis=1) if keeps_hidden else None, cache


def _tokens(prompts: np.ndarray, piece: Piece) -> Any:
    tokens = prompts[:, piece.start : piece.end]
    return ops.convert_to_tensor(np.pad(tokens, ((0, 0), (0, piece.size - tokens.shape[1]))))
