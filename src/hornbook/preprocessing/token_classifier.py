"""Text for models that label words."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.encoder import FEATURES, EncoderPreprocessor
from hornbook.preprocessing.preprocessor import PadTo, row_weights
from hornbook.preprocessing.words import SplitText, first_tokens, split_texts, word_spans


class TokenClassifierPreprocessor(EncoderPreprocessor):
    """Turns texts into an encoder's inputs, with the words' labels at their first tokens.

    A text is a string, whose words are separated by white space, or a list of words. A word's
    label stands at its first token; its other tokens, special tokens and padding weigh nothing,
    as in Devlin et al., "BERT" (2018). A row is laid out as by `EncoderPreprocessor`.

    Args:
        tokenizer: what turns text into ids.
        sequence_length: the greatest number of tokens a row has, special tokens included.
        truncate: as for `EncoderPreprocessor`; there are no pairs here.

    Example:
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "horn", "##book", "a"]
        >>> preprocessor = TokenClassifierPreprocessor(WordPieceTokenizer(words), sequence_length=6)
        >>> x, y, sample_weight = preprocessor([["a", "hornbook"]], [[1, 2]])
        >>> x["token_ids"].tolist(), y.tolist()
        ([[2, 6, 4, 5, 3, 0]], [[0, 1, 2, 0, 0, 0]])
        >>> sample_weight.tolist()
        [[0.0, 1.0, 1.0, 0.0, 0.0, 0.0]]
    """

    def __call__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        sequence_length: int | None = None,
        pad_to: PadTo = "sequence_length",
    ) -> Any:
        """Makes inputs of texts, and of their words' labels, labels and weights of tokens.

        Args:
            x: texts, each a string or a list of words; without labels a string tensor of
                TensorFlow as well.
            y: for each text the labels' ids, one a word. A label below 0 doesn't count.
            sample_weight: one weight a text [batch].
            sequence_length: instead of the preprocessor's own.
            pad_to: pad to the sequence length, or only to a bucket that holds the longest text.

        Returns:
            `{"token_ids": int32, "segment_ids": int32, "padding_mask": bool}`, each
            [batch, sequence_length]; with labels `(x, labels int32, sample_weight float32)`, all of
            that shape.

        Raises:
            DataError: when a text has more or fewer labels than words.
        """
        if y is None:
            x = split_texts(x) if isinstance(x, list | tuple) else x
            return super().__call__(x, None, None, sequence_length, pad_to)
        texts = split_texts(x)
        features, columns = self.align(texts, sequence_length, pad_to)
        labels = np.zeros(features["token_ids"].shape, "int32")
        weights = np.zeros(labels.shape, "float32")
        _check_rows(texts, columns, y)
        for row, (places, ids) in enumerate(zip(columns, y, strict=True)):
            ids = np.asarray(ids, "int32").reshape(-1)
            counted = (places >= 0) & (ids >= 0)
            labels[row, places[counted]] = ids[counted]
            weights[row, places[counted]] = 1.0
        return features, labels, row_weights(weights, sample_weight)

    def align(
        self,
        texts: Sequence[str],
        sequence_length: int | None = None,
        pad_to: PadTo = "sequence_length",
    ) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
        """The inputs of texts, and in which columns their words begin.

        Returns:
            The inputs, and for each text int [words]: the column of each word's first token, -1
            where it has none or was cut off.
        """
        length = sequence_length or self.sequence_length
        rows, offsets = self.tokenizer.encode_with_offsets(texts)
        features = dict(zip(FEATURES, self._pack([rows], length, pad_to), strict=True))
        # Packed the same way, the tokens' numbers say where each of them went.
        markers = self._pack([numbered(rows)], length, pad_to)[0]
        columns = []
        for text, places, row in zip(texts, offsets, markers, strict=True):
            at = np.full(len(places) + 1, -1)  # the last is for words without a token
            at[-1 - row[row < 0]] = np.flatnonzero(row < 0)
            at[-1] = -1
            columns.append(at[first_tokens(places, word_spans(text))])
        return features, columns

    def split(self, text: str, sequence_length: int | None = None) -> list[tuple[str, int]]:
        """Cuts a text between words into parts that fit a row.

        Returns:
            Each part, and the number of words before it. A text that fits is its only part.
        """
        room = (sequence_length or self.sequence_length) - len(self._start) - len(self._end)
        spans = word_spans(text)
        if len(text.encode()) + len(spans) <= room:  # a token has a byte, or is a word's beginning
            return [(text, 0)]
        (ids,), (offsets,) = self.tokenizer.encode_with_offsets([text])
        if len(ids) <= room:
            return [(text, 0)]
        firsts = first_tokens(offsets, spans)
        # A word's tokens end where those of the next word that has any begin.
        begins = np.where(firsts < 0, len(ids), firsts)
        ends = np.append(np.minimum.accumulate(begins[::-1])[::-1][1:], len(ids))
        parts, begin, used = [], 0, 0
        for word, (first, end) in enumerate(zip(firsts.tolist(), ends.tolist(), strict=True)):
            if word > begin and end - used > room:
                parts.append(begin)
                begin, used = word, first if first >= 0 else used
        borders = [*parts, begin, len(spans)]
        return [
            (SplitText([text[start:end] for start, end in spans[first:last]]), first)
            for first, last in itertools.pairwise(borders)
        ]


def numbered(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """Rows of the same lengths that hold -1, -2, ...: numbers that no token has."""
    return [list(range(-1, -1 - len(row), -1)) for row in rows]


def _check_rows(texts: Sequence[str], columns: Sequence[np.ndarray], y: Any) -> None:
    if len(y) != len(texts):
        raise DataError(f"Got {len(texts)} texts, but labels of {len(y)}")
    for row, (places, labels) in enumerate(zip(columns, y, strict=True)):
        if len(places) != len(labels):
            raise DataError(
                f"Text {row} has {len(places)} words ({texts[row]!r:.60}), but {len(labels)} "
                "labels; give the text as a list of words, and one label for each"
            )
