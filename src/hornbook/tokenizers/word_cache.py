"""Words with their ids, so that the library needs to be asked only for those that are new."""

import threading
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

import numpy as np

from hornbook.tokenizers.space_cuts import LONE_SPACE

Encode = Callable[[Sequence[str]], list[list[int]]]

TEXTS = 1024
"""Texts whose new words are given to the library together."""
FEW = 4096
"""New words that are no sign yet of a text in which most words are new."""
CAPACITY = 64 * 2**20
"""Bytes that words and ids may take, about, before all are forgotten."""
ENTRY = 200
"""Bytes that a word takes beside its characters, about."""
LONGEST_WAIT = 2.0
"""Seconds that a thread waits for another to learn words."""
NO_IDS = np.zeros(0, np.int32)


class WordCache:
    """Encodes texts word by word, for tokenizers whose texts can be cut at lone spaces.

    In prose nine words of ten were met before, and looking them up is several times faster than
    encoding them. Where most words are new, texts go to the library as they are. Several threads
    may use it at once.
    """

    def __init__(self) -> None:
        self._ids: dict[str, bytes] = {}
        self._held = 0
        self._met = 0
        self._new = 0
        self._learning = threading.Lock()

    def __reduce__(self) -> tuple[type["WordCache"], tuple[()]]:
        """A copy, in another process too, begins empty."""
        return WordCache, ()

    def encode(self, texts: Sequence[str], library: Encode) -> list[np.ndarray]:
        """Encodes each text to an array of its ids, int32, which can't be written to."""
        parts = (texts[start : start + TEXTS] for start in range(0, len(texts), TEXTS))
        return [row for part in parts for row in self._encode(part, library)]

    def _encode(self, texts: Sequence[str], library: Encode) -> list[np.ndarray]:
        known = self._ids  # where another thread begins anew, this one goes on with the old ones
        rows = []
        unknown = {}
        for position, text in enumerate(texts):
            words = LONE_SPACE.split(text)
            words[0] = f" {words[0]}"  # marks what no space stood before: no other word begins so
            self._met += len(words)
            try:
                rows.append(_row(words, known))
            except KeyError:
                rows.append(NO_IDS)
                unknown[position] = words
        if not unknown:
            return rows
        if self._learn(unknown.values(), known, library):
            found = [_row(words, known) for words in unknown.values()]
        else:
            whole = library([texts[position] for position in unknown])
            found = [np.array(ids, np.int32) for ids in whole]
        for position, row in zip(unknown, found, strict=True):
            rows[position] = row
        return rows

    def _learn(
        self, rows: Iterable[Sequence[str]], known: dict[str, bytes], library: Encode
    ) -> bool:
        """Makes the words of all rows known, unless there are so many that it doesn't pay."""
        # One thread at a time, since others mostly need the same words. In a forked process a lock
        # may be one that nobody gives back: nothing goes wrong without it.
        lock = self._learning
        locked = lock.acquire(timeout=LONGEST_WAIT)
        if not locked:
            self._learning = threading.Lock()
        try:
            new = list(set(chain.from_iterable(rows)).difference(known))
            self._new += len(new)
            if self._new > max(FEW, self._met // 2):
                return False
            words = [word[1:] if word[0] == " " else f" {word}" for word in new]
            known.update(zip(new, map(_packed, library(words)), strict=True))
            self._held += sum(map(len, new)) + ENTRY * len(new)
            if self._held > CAPACITY:
                self._ids, self._held = {}, 0
            return True
        finally:
            if locked:
                lock.release()


def _row(words: Sequence[str], known: Mapping[str, bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(map(known.__getitem__, words)), np.int32)


def _packed(ids: list[int]) -> bytes:
    return array("i", ids).tobytes()
