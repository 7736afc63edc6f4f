"""Text that comes while it is generated, and the strings that end it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hornbook.errors import GenerationError
from hornbook.generation.batch import GeneratedStep
from hornbook.generation.prompts import Prompts


class StopStringFinder:
    """Passes text on up to the first stop string, however it is cut into pieces.

    What could be the beginning of a stop string is held back until it is known whether it is one.
    Of several stop strings the one that is complete first counts.

    Args:
        stop_strings: none of them empty.

    Example:
        >>> finder = StopStringFinder(["END"])
        >>> [finder.push(piece) for piece in ("one E", "two EN", "D three")], finder.found
        (['one ', 'Etwo ', ''], True)
    """

    def __init__(self, stop_strings: Sequence[str]) -> None:
        self.found = False
        self._stop_strings = stop_strings
        self._held = ""

    def push(self, piece: str) -> str:
        """Takes a piece of text and gives what is final now; nothing after a stop string."""
        if self.found:
            return ""
        text = self._held + piece
        starts = ((text.find(stop), len(stop)) for stop in self._stop_strings)
        places = [(start + length, start) for start, length in starts if start >= 0]
        if places:
            self.found, self._held = True, ""
            return text[: min(places)[1]]
        kept = len(text) - max((_overlap(text, stop) for stop in self._stop_strings), default=0)
        self._held = text[kept:]
        return text[:kept]

    def finish(self) -> str:
        """Gives what was held back, at the end of the text."""
        held, self._held = self._held, ""
        return held


class TextRows:
    """The text of each row of a batch, as its tokens come.

    Args:
        tokenizer: gives decoders that hold back what isn't a whole character yet.
        prompts: what is continued.
        starts: int [batch], from where on each row's tokens are given: 0, or the prompt's length.
        stop_strings: a row ends where its generated text has one of them, which is left out.
    """

    def __init__(
        self,
        tokenizer: Any,
        prompts: Prompts,
        starts: np.ndarray,
        stop_strings: Sequence[str] = (),
    ) -> None:
        self.batched = prompts.batched
        self._decoders = [tokenizer.stream(skip_special_tokens=True) for _ in starts]
        self._finders = [StopStringFinder(stop_strings) for _ in starts]
        rows = zip(self._decoders, prompts.token_ids, starts, prompts.lengths, strict=True)
        self._texts = [
            "".join(decoder.push(token) for token in tokens[start:length])
            for decoder, tokens, start, length in rows
        ]

    def push(self, step: GeneratedStep) -> np.ndarray:
        """Takes a step and says which rows [batch] end with it: the engine's stopper."""
        for row in np.flatnonzero(step.active).tolist():
            self._texts[row] += self._finders[row].push(self._decoders[row].push(step.tokens[row]))
        return np.array([finder.found for finder in self._finders])

    def take(self) -> list[str]:
        """The text of each row that has come since the last time."""
        texts, self._texts = self._texts, [""] * len(self._texts)
        return texts

    def finish(self) -> None:
        """Lets out what was held back, at the end."""
        for row, (decoder, finder) in enumerate(zip(self._decoders, self._finders, strict=True)):
            self._texts[row] += finder.push(decoder.finish()) + finder.finish()


def stream_texts(rows: TextRows, steps: Iterator[GeneratedStep]) -> Iterator[Any]:
    """Gives text as it comes.

    Args:
        rows: the texts, which see the steps as their stopper.
        steps: of the engine.

    Returns:
        Pieces of text that aren't empty, for a single prompt; else lists with a piece a prompt,
        of which at least one isn't empty. Closing it closes `steps`.
    """
    pieces = _pieces(rows, steps)
    if rows.batched:
        return (texts for texts in pieces if any(texts))
    return (text for (text,) in pieces if text)


def read_stop_strings(stop_strings: str | Sequence[str] | None) -> tuple[str, ...]:
    """Checks what people give as stop strings: one, several or none.

    Raises:
        GenerationError: when there is an empty one, or something else than text.
    """
    given = [stop_strings] if isinstance(stop_strings, str) else stop_strings or ()
    if not all(isinstance(each, str) and each for each in given):
        raise GenerationError(
            f"stop_strings is {stop_strings!r}; expected a text or a list of texts, none of them "
            "empty; token ids go into stop_token_ids"
        )
    return tuple(given)


def _pieces(rows: TextRows, steps: Iterator[GeneratedStep]) -> Iterator[list[str]]:
    yield rows.take()
    for _ in steps:
        yield rows.take()
    rows.finish()
    yield rows.take()


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of the text could be the beginning of a stop string."""
    sizes = range(min(len(text), len(stop) - 1), 0, -1)
    return next((size for size in sizes if text.endswith(stop[:size])), 0)
