"""Text that comes while it is generated."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hornbook.generation.engine import GeneratedStep
from hornbook.generation.prompts import Prompts


def stream_texts(
    tokenizer: Any, prompts: Prompts, starts: np.ndarray, steps: Iterator[GeneratedStep]
) -> Iterator[Any]:
    """Decodes tokens as they come.

    Args:
        tokenizer: gives a decoder that holds back what isn't a whole character yet.
        prompts: what was continued.
        starts: int [batch], from where on each row's tokens are given: 0, or the prompt's length.
        steps: of the engine.

    Returns:
        Pieces of text that aren't empty, for a single prompt; else lists with a piece a prompt,
        of which at least one isn't empty. Closing it closes `steps`.
    """
    pieces = _pieces(tokenizer, prompts, starts, steps)
    if prompts.batched:
        return (texts for texts in pieces if any(texts))
    return (text for (text,) in pieces if text)


def _pieces(
    tokenizer: Any, prompts: Prompts, starts: np.ndarray, steps: Iterator[GeneratedStep]
) -> Iterator[list[str]]:
    decoders = [tokenizer.stream(skip_special_tokens=True) for _ in starts]
    prompt_rows = zip(decoders, prompts.token_ids, starts, prompts.lengths, strict=True)
    yield [
        "".join(decoder.push(token) for token in tokens[start:length])
        for decoder, tokens, start, length in prompt_rows
    ]
    for step in steps:
        rows = zip(decoders, step.tokens, step.active, strict=True)
        yield [decoder.push(token) if active else "" for decoder, token, active in rows]
    yield [decoder.finish() for decoder in decoders]
