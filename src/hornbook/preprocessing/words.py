"""Texts as words: where each word stands, for texts that are split already and for others."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.text_columns import column_strings

Span = tuple[int, int]
WORD = re.compile(r"\S+")


class SplitText(str):
    """A text that knows its words, whatever they hold: the words with a space between them.

    Example:
        >>> text = SplitText(["New York", "is", "big"])
        >>> text, word_spans(text)
        ('New York is big', [(0, 8), (9, 11), (12, 15)])
    """

    spans: list[Span]

    def __new__(cls, words: Sequence[str]) -> "SplitText":
        """Joins the words."""
        text = super().__new__(cls, " ".join(words))
        ends = np.cumsum([len(word) + 1 for word in words]).tolist()
        text.spans = [(end - 1 - len(word), end - 1) for word, end in zip(words, ends, strict=True)]
        return text


def word_spans(text: str) -> list[Span]:
    """Each word's first character, and the one behind its last: by white space, if not known."""
    if isinstance(text, SplitText):
        return text.spans
    return [match.span() for match in WORD.finditer(text)]


def is_split(x: Any) -> bool:
    """Says whether texts are lists of words."""
    return isinstance(x, list | tuple) and bool(x) and isinstance(x[0], list | tuple | np.ndarray)


def split_texts(x: Any) -> list[str]:
    """Brings texts, each a string or a list of words, to strings that know their words.

    Raises:
        DataError: when there are both.
    """
    if not is_split(x):
        return column_strings(x)
    texts: list[str] = []
    for words in x:
        if not isinstance(words, list | tuple | np.ndarray):
            raise DataError("Some texts are lists of words and others strings; expected one kind")
        texts.append(SplitText(column_strings(list(words))))
    return texts


def first_tokens(offsets: np.ndarray, spans: Sequence[Span]) -> np.ndarray:
    """The first token of each word, int [words]; -1 for a word that is no token.

    Args:
        offsets: int [tokens, 2], each token's first character and the one behind its last.
        spans: the words' places, in their order.
    """
    found = np.full(len(spans), -1)
    if not len(spans) or not len(offsets):
        return found
    starts, ends = np.array(spans).T
    words = np.searchsorted(starts, offsets[:, 0], side="right") - 1
    inside = (words >= 0) & (offsets[:, 0] < ends[words])
    tokens = np.arange(len(offsets))[inside][::-1]  # so that a word's first is written last
    found[words[inside][::-1]] = tokens
    return found
