"""Many words encoded by the `tokenizers` library in few calls' time.

Each text that the library is given costs it several microseconds, more than a word's own ids do.
Words are therefore joined to longer texts by a token that stands in no text, at which the library
parts them again before it does anything else.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import chain, pairwise

import numpy as np
import tokenizers
from tokenizers import AddedToken

from hornbook.tokenizers.space_cuts import TOGETHER

MARK = "\ufdd0\ufdd1"
"""Stands between words: two of the code points that Unicode keeps for a program's own use."""


def encode_texts(
    tokenizer: tokenizers.Tokenizer, texts: Sequence[str], add_special_tokens: bool = False
) -> list[list[int]]:
    """Encodes each text to its ids."""
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=add_special_tokens)
    return [encoding.ids for encoding in encodings]


class WordBatches:
    """Encodes words, each as if it were a text.

    Args:
        tokenizer: the tokenizer.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self._tokenizer = tokenizer

    def __call__(self, words: Sequence[str]) -> list[bytes]:
        """Encodes each word to its ids, int32, one behind the other."""
        texts = [
            MARK.join(words[start : start + TOGETHER]) for start in range(0, len(words), TOGETHER)
        ]
        joints = sum(text.count(MARK) for text in texts)
        if self._twin is None or joints != len(words) - len(texts):  # a word holds the mark
            return [
                np.array(row, np.int32).tobytes() for row in encode_texts(self._tokenizer, words)
            ]
        mark = self._twin.token_to_id(MARK)
        rows = encode_texts(self._twin, texts)
        ids = np.fromiter(chain.from_iterable([*row, mark] for row in rows), np.int32)
        ends = np.flatnonzero(ids == mark).tolist()
        packed, size = ids.tobytes(), ids.itemsize
        return [packed[(last + 1) * size : end * size] for last, end in pairwise([-1, *ends])]

    @cached_property
    def _twin(self) -> tokenizers.Tokenizer | None:
        """The same tokenizer, on the same model, with the mark; None if ids would not be equal."""
        original = self._tokenizer
        twin = tokenizers.Tokenizer(original.model)
        if original.normalizer is not None:
            twin.normalizer = original.normalizer
        if original.pre_tokenizer is not None:
            twin.pre_tokenizer = original.pre_tokenizer
        twin.encode_special_tokens = original.encode_special_tokens
        added = sorted(original.get_added_tokens_decoder().items())
        twin.add_tokens([token for _, token in added])
        equal = all(twin.token_to_id(token.content) == number for number, token in added)
        apart = not any(set(MARK) & set(token.content) for _, token in added)
        known = twin.token_to_id(MARK) is not None
        twin.add_tokens([AddedToken(MARK, normalized=False)])
        # The library takes the number of tokens for the id, even where a token has it already.
        number = twin.token_to_id(MARK)
        free = number is not None and original.id_to_token(number) is None
        return twin if equal and apart and free and not known else None
