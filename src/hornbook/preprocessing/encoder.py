"""Text for encoders: one text or a pair a row, between special tokens."""

from typing import Any, Literal

from hornbook.errors import TokenizerError
from hornbook.preprocessing.packing import add_ends, join_pairs, pad_rows
from hornbook.preprocessing.preprocessor import (
    Arrays,
    PadTo,
    Preprocessor,
    padded_length,
    with_targets,
)
from hornbook.preprocessing.segments import check_truncation
from hornbook.tokenizers.tokenizer import Tokenizer

FEATURES = ("token_ids", "segment_ids", "padding_mask")


class EncoderPreprocessor(Preprocessor):
    """Turns texts, or pairs of texts, into an encoder's inputs.

    A row is `[CLS] text [SEP]` or `[CLS] first [SEP] second [SEP]`, with the tokenizer's own
    tokens in these roles (its start and end tokens where it has no others). Follows
    Devlin et al., "BERT" (2018).

    Args:
        tokenizer: what turns text into ids.
        sequence_length: the greatest number of tokens a row has, special tokens included.
        truncate: how the texts of a pair share a row that is too short: "round_robin" gives them
            a token each by turns, "waterfall" all to the first, and what is left to the second.

    Example:
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b"])
        >>> x = EncoderPreprocessor(tokenizer, sequence_length=6)((["a"], ["b"]))
        >>> x["token_ids"].tolist(), x["segment_ids"].tolist()
        ([[2, 4, 3, 5, 3, 0]], [[0, 0, 0, 1, 1, 0]])
    """

    makes_labels = False

    def __init__(
        self,
        tokenizer: Tokenizer,
        sequence_length: int = 512,
        truncate: Literal["round_robin", "waterfall"] = "round_robin",
    ) -> None:
        super().__init__(tokenizer, sequence_length)
        self.truncate = check_truncation(truncate)
        self._start = _first_of(tokenizer, "cls_token", "start_token")
        self._separator = _first_of(tokenizer, "sep_token", "end_token")

    def __call__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        sequence_length: int | None = None,
        pad_to: PadTo = "sequence_length",
    ) -> Any:
        """Makes inputs of text; labels and weights pass through.

        Args:
            x: a string, a list or array of strings, a tuple of two of these for pairs, or a list
                of pairs; string tensors of TensorFlow in the same forms.
            y: labels.
            sample_weight: weights.
            sequence_length: instead of the preprocessor's own.
            pad_to: pad to the sequence length, or only to a bucket that holds the longest row.

        Returns:
            `{"token_ids": int32, "segment_ids": int32, "padding_mask": bool}`, each
            [batch, sequence_length], or [sequence_length] for one text; with labels a tuple
            `(x, y)` or `(x, y, sample_weight)`.
        """
        dtypes = ("int32", "int32", "bool")
        results = self._run(self._rows, x, dtypes, sequence_length, pad_to)
        features = dict(zip(FEATURES, results, strict=True))
        return with_targets(features, y, sample_weight)

    def _rows(self, columns: list[list[str]], length: int, pad_to: PadTo) -> Arrays:
        encoded = [self.tokenizer.encode_batch(column) for column in columns]
        if len(encoded) == 1:
            tokens = add_ends(encoded[0], length, [self._start], [self._separator])
            segments = [[0] * len(row) for row in tokens]
        else:
            first, second = encoded
            ends = self._start, self._separator
            tokens, segments = join_pairs(first, second, length, *ends, self.truncate)
        padded = padded_length(max(map(len, tokens), default=0), length, pad_to)
        token_ids, mask = pad_rows(tokens, padded, self.pad_token_id)
        return token_ids, pad_rows(segments, padded)[0], mask

    def get_config(self) -> dict[str, Any]:
        """Returns the preprocessor as plain JSON values, its tokenizer included."""
        return {**super().get_config(), "truncate": self.truncate}


def _first_of(tokenizer: Tokenizer, *roles: str) -> int:
    for role in roles:
        token_id: int | None = getattr(tokenizer, f"{role}_id")
        if token_id is not None:
            return token_id
    raise TokenizerError(
        f"An encoder's rows need a {' or '.join(roles)}, and the tokenizer has none; name one with "
        "special_tokens="
    )
