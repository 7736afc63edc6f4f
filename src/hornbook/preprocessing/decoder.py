"""Text for decoders: one text or a pair a row, each between a start and an end token."""

from typing import Any

from hornbook.errors import DataError
from hornbook.preprocessing.packing import add_ends, join_pairs, pad_rows
from hornbook.preprocessing.preprocessor import (
    Arrays,
    PadTo,
    Preprocessor,
    padded_length,
    with_targets,
)
from hornbook.tokenizers.tokenizer import Tokenizer


class DecoderPreprocessor(Preprocessor):
    """Turns texts, or pairs of texts, into a decoder's inputs, for classifying them.

    Follows `keras_nlp.models.GPT2Preprocessor`, except that start and end tokens are added as the
    original tokenizer adds them: to both texts of a pair, which stand one behind the other. Where
    a pair is too long, its texts get a token each by turns.

    Args:
        tokenizer: what turns text into ids.
        sequence_length: how many tokens the model sees of each text; the rest is cut off.
        add_start_token: put the start token before each text; None does what the original
            tokenizer does by itself.
        add_end_token: put the end token after each text, likewise.

    Example:
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "a", "b", "c"])
        >>> x = DecoderPreprocessor(tokenizer, sequence_length=4)(["a b c"])
        >>> x["token_ids"].tolist(), x["padding_mask"].tolist()
        ([[2, 3, 4, 0]], [[True, True, True, False]])
    """

    makes_labels = False

    def __init__(
        self,
        tokenizer: Tokenizer,
        sequence_length: int = 1024,
        add_start_token: bool | None = None,
        add_end_token: bool | None = None,
    ) -> None:
        super().__init__(tokenizer, sequence_length)
        self.add_start_token = add_start_token
        self.add_end_token = add_end_token
        self._start = _ends("start", add_start_token, tokenizer.adds_start_token, tokenizer)
        self._end = _ends("end", add_end_token, tokenizer.adds_end_token, tokenizer)

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
            pad_to: pad to the sequence length, or only to a bucket that holds the longest text.

        Returns:
            `{"token_ids": int32, "padding_mask": bool}`, each [batch, sequence_length], or
            [sequence_length] for one text; with labels a tuple `(x, y)` or
            `(x, y, sample_weight)`.
        """
        results = self._run(self._rows, x, ("int32", "bool"), sequence_length, pad_to)
        features = dict(zip(("token_ids", "padding_mask"), results, strict=True))
        return with_targets(features, y, sample_weight)

    def _rows(self, columns: list[list[str]], length: int, pad_to: PadTo) -> Arrays:
        encoded = [self.tokenizer.encode_batch(column) for column in columns]
        if len(encoded) == 1:
            rows = add_ends(encoded[0], length, self._start, self._end)
        else:
            first, second = encoded
            between = [*self._end, *self._start]
            rows, _ = join_pairs(
                first, second, length, self._start, between, self._end, "round_robin"
            )
        longest = max(map(len, rows), default=0)
        return pad_rows(rows, padded_length(longest, length, pad_to), self.pad_token_id)

    def get_config(self) -> dict[str, Any]:
        """Returns the preprocessor as plain JSON values, its tokenizer included."""
        return {
            **super().get_config(),
            "add_start_token": self.add_start_token,
            "add_end_token": self.add_end_token,
        }


def _ends(role: str, asked: bool | None, added: bool, tokenizer: Tokenizer) -> list[int]:
    """The ids to add at one end: one or none."""
    if not (added if asked is None else asked):
        return []
    token_id = tokenizer.start_token_id if role == "start" else tokenizer.end_token_id
    if token_id is None:
        raise DataError(
            f"add_{role}_token is set, but the tokenizer has no {role} token; leave it out, or "
            f"give the tokenizer one"
        )
    return [token_id]
