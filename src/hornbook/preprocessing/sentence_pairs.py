"""Pairs of texts of which the second follows the first, or comes from somewhere else."""

import re
from collections.abc import Sequence

import numpy as np

IS_NEXT, IS_RANDOM = 0, 1
"""The labels: whether the second text follows the first, or is a random one."""

Sentences = Sequence[Sequence[int]]

_END_OF_SENTENCE = re.compile(r"\n+|(?<=[.!?])\s+")


def split_sentences(document: str) -> list[str]:
    r"""Cuts a document at line breaks, or where it has none, after marks that end a sentence.

    Example:
        >>> split_sentences("One. Two? Three")
        ['One.', 'Two?', 'Three']
        >>> split_sentences("One. Two.\nThree.")
        ['One. Two.', 'Three.']
    """
    lines = [line.strip() for line in document.splitlines()]
    parts = lines if sum(map(bool, lines)) > 1 else _END_OF_SENTENCE.split(document.strip())
    return [part for part in parts if part]


def sentence_pairs(
    documents: Sequence[Sentences], room: int, rng: np.random.Generator
) -> tuple[list[list[int]], list[list[int]], np.ndarray]:
    """Makes one pair of each document, as in Devlin et al., "BERT" (2018).

    The first text is some sentences from anywhere in the document. For half of the pairs the
    second is the sentences that follow it, for the other half sentences of another document. Both
    together are as long as there is room for, if the documents have as much.

    Args:
        documents: the sentences of each, as token ids.
        room: how many tokens a pair may have.
        rng: where randomness comes from.

    Returns:
        The first and the second texts, and the labels int32 [documents], `IS_NEXT` or `IS_RANDOM`.
        A document that is too short to have a second text gets a random one; where there is no
        other document, every second text follows the first.

    Example:
        >>> documents = [[[1], [2]], [[7], [8]]]
        >>> firsts, seconds, labels = sentence_pairs(documents, 9, np.random.default_rng(0))
        >>> firsts
        [[1], [7]]
    """
    pieces = [_pieces(document) for document in documents]
    firsts, seconds, labels = [], [], np.zeros(len(pieces), dtype=np.int32)
    for index, own in enumerate(pieces):
        others = [other for other in range(len(pieces)) if other != index and pieces[other]]
        first, following = _split(_stretch(own, room, rng), rng)
        is_random = bool(others) and (not following or rng.random() < 0.5)
        if is_random:
            other = pieces[others[int(rng.integers(len(others)))]]
            following = _joined(_stretch(other, max(room - len(first), 1), rng))
        firsts.append(first)
        seconds.append(following)
        labels[index] = IS_RANDOM if is_random else IS_NEXT
    return firsts, seconds, labels


def _pieces(sentences: Sentences) -> list[Sequence[int]]:
    """The sentences; of a document that has only one, its halves."""
    filled = [sentence for sentence in sentences if sentence]
    if len(filled) != 1 or len(filled[0]) < 2:
        return filled
    half = len(filled[0]) // 2
    return [filled[0][:half], filled[0][half:]]


def _stretch(pieces: list[Sequence[int]], room: int, rng: np.random.Generator) -> Sentences:
    """Sentences in a row from anywhere, two if there are, and more as far as there is room."""
    if len(pieces) < 2:
        return pieces
    start = int(rng.integers(len(pieces) - 1))
    end, length = start + 2, len(pieces[start]) + len(pieces[start + 1])
    while end < len(pieces) and length + len(pieces[end]) <= room:
        length += len(pieces[end])
        end += 1
    return pieces[start:end]


def _split(pieces: Sentences, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    at = int(rng.integers(1, len(pieces))) if len(pieces) > 1 else 1
    return _joined(pieces[:at]), _joined(pieces[at:])


def _joined(pieces: Sentences) -> list[int]:
    return [token for piece in pieces for token in piece]
