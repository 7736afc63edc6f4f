"""Text for encoders: one text or a pair a row, between special tokens."""

from typing import Any, ClassVar, Literal

from hornbook.errors import TokenizerError
from hornbook.preprocessing.global_tokens import with_global_positions
from hornbook.preprocessing.packing import add_ends, join_pairs, pad_rows
from hornbook.preprocessing.preprocessor import (
    Arrays,
    PadTo,
    Preprocessor,
    padded_length,
    with_targets,
)
from hornbook.preprocessing.segments import check_truncation
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.tokenizer import Tokenizer

FEATURES = ("token_ids", "segment_ids", "padding_mask")


class EncoderPreprocessor(Preprocessor):
    """Turns texts, or pairs of texts, into an encoder's inputs.

    A row is `[CLS] text [SEP]` or `[CLS] first [SEP] second [SEP]`, as in Devlin et al., "BERT"
    (2018), or as the family has it, with the tokenizer's own tokens in these roles (its start and
    end tokens where it has no others).

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
    global_tokens: ClassVar[str | None] = None
    """Which text of a pair has global attention, as `HeadLayers` names it."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        sequence_length: int = 512,
        truncate: Literal["round_robin", "waterfall"] = "round_robin",
    ) -> None:
        super().__init__(tokenizer, sequence_length)
        self.truncate = check_truncation(truncate)
        template = self.tokenizer_class.row_template or tokenizer.row_template or RowTemplate()
        self._start, self._between, self._end = (
            _ids(tokenizer, template, roles)
            for roles in (template.prefix, template.between, template.suffix)
        )
        self._second_segment = template.second_segment
        self._last_segment = template.last_segment

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
        features = self._with_global_tokens(dict(zip(FEATURES, results, strict=True)))
        return with_targets(features, y, sample_weight)

    def _with_global_tokens(self, features: dict[str, Any]) -> dict[str, Any]:
        if self.global_tokens is None:
            return features
        between = self._between
        return with_global_positions(features, self.global_tokens, between[0], len(between))

    def _rows(self, columns: list[list[str]], length: int, pad_to: PadTo) -> Arrays:
        encoded = [self.tokenizer.encode_batch(column) for column in columns]
        return self._pack(encoded, length, pad_to)

    def _pack(self, encoded: list[list[list[int]]], length: int, pad_to: PadTo) -> Arrays:
        """Rows of one column of ids, or of two for pairs."""
        if len(encoded) == 1:
            tokens = add_ends(encoded[0], length, self._start, self._end)
            segments = [[0] * len(row) for row in tokens]
        else:
            first, second = encoded
            tokens, segments = join_pairs(
                first, second, length, self._start, self._between, self._end,
                self.truncate, self._second_segment,
            )  # fmt: skip
        if self._last_segment is not None:
            segments = [[*row[:-1], self._last_segment] for row in segments]
        padded = padded_length(max(map(len, tokens), default=0), length, pad_to)
        token_ids, mask = pad_rows(tokens, padded, self.pad_token_id)
        return token_ids, pad_rows(segments, padded)[0], mask

    def get_config(self) -> dict[str, Any]:
        """Returns the preprocessor as plain JSON values, its tokenizer included."""
        return {**super().get_config(), "truncate": self.truncate}


def _ids(tokenizer: Tokenizer, template: RowTemplate, roles: tuple[str, ...]) -> list[int]:
    try:
        tokens = template.named(roles, tokenizer.settings.special_tokens)
    except KeyError as error:
        raise TokenizerError(
            f"An encoder's rows need a {' or '.join(roles)} or {error.args[0]}, and the "
            "tokenizer has none; name one with special_tokens="
        ) from error
    ids = map(tokenizer.engine.token_to_id, tokens)
    return [token_id for token_id in ids if token_id is not None]
