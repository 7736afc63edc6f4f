"""Words with their ids, so that the library needs to be asked only for those that are new."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
import tokenizers

from hornbook.tokenizers.space_cuts import cut, cut_at_spaces, is_word, written
from hornbook.tokenizers.word_batches import WordBatches, encode_texts

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

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._encode_words = WordBatches(tokenizer)
        self._ids: dict[str, bytes] = {}
        self._held = 0
        self._met = 0
        self._new = 0
        self._learning = threading.Lock()

    def __reduce__(self) -> tuple[type["WordCache"], tuple[tokenizers.Tokenizer]]:
        """A copy, in another process too, begins empty."""
        return WordCache, (self._tokenizer,)

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Encodes each text to an array of its ids, int32, which can't be written to."""
        parts = (texts[start : start + TEXTS] for start in range(0, len(texts), TEXTS))
        return [row for part in parts for row in self._encode(part)]

    def _encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        known = self._ids  # where another thread begins anew, this one goes on with the old ones
        rows: list[np.ndarray] = []
        unknown = {}
        for position, text in enumerate(texts):
            words, row = _find(text, known)
            self._met += len(words)
            rows.append(NO_IDS if row is None else row)
            if row is None:
                unknown[position] = words
        if not unknown:
            return rows
        if self._learn(unknown, texts, known):
            found = [_row(words, known) for words in unknown.values()]
        else:
            whole = encode_texts(self._tokenizer, [texts[position] for position in unknown])
            found = [np.array(ids, np.int32) for ids in whole]
        for position, row in zip(unknown, found, strict=True):
            rows[position] = row
        return rows

    def _learn(
        self,
        unknown: dict[int, list[str]],
        texts: Sequence[str],
        known: dict[str, bytes],
    ) -> bool:
        """Makes the words of all rows known, unless there are so many that it doesn't pay.

        Rows that were cut in a wrong place are cut anew.
        """
        # One thread at a time, since others mostly need the same words. In a forked process a lock
        # may be one that nobody gives back: nothing goes wrong without it.
        lock = self._learning
        locked = lock.acquire(timeout=LONGEST_WAIT)
        if not locked:
            self._learning = threading.Lock()
        try:
            new = _new(unknown.values(), known)
            wrong = {word for word in new if not is_word(word)}
            if wrong:
                for position, words in unknown.items():
                    if not wrong.isdisjoint(words):
                        unknown[position] = cut(texts[position])
                new = _new(unknown.values(), known)
            self._new += len(new)
            if self._new > max(FEW, self._met // 2):
                return False
            found = self._encode_words([written(word) for word in new])
            known.update(zip(new, found, strict=True))
            self._held += sum(map(len, new)) + ENTRY * len(new)
            if self._held > CAPACITY:
                self._ids, self._held = {}, 0
            return True
        finally:
            if locked:
                lock.release()


def _find(text: str, known: Mapping[str, bytes]) -> tuple[list[str], np.ndarray | None]:
    """A text's words and ids, None if some aren't known: then the words may be cut wrongly."""
    for cutting in (cut_at_spaces, cut):
        words = cutting(text)
        try:
            return words, _row(words, known)
        except KeyError as missing:
            if is_word(missing.args[0]):
                break
    return words, None


def _new(rows: Iterable[Sequence[str]], known: Mapping[str, bytes]) -> list[str]:
    return list(set(chain.from_iterable(rows)).difference(known))


def _row(words: Sequence[str], known: Mapping[str, bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(map(known.__getitem__, words)), np.int32)
