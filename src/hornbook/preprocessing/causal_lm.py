"""Text for models that predict the next token."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from hornbook.errors import DataError, GenerationError, HornbookWarning
from hornbook.preprocessing.decoder import DecoderPreprocessor
from hornbook.preprocessing.packing import add_ends, pad_rows
from hornbook.preprocessing.preprocessor import Arrays, PadTo, padded_length, row_weights
from hornbook.tokenizers.token_ids import to_id_lists


class CausalLMPreprocessor(DecoderPreprocessor):
    """Turns text into inputs, labels and weights of next-token prediction.

    Follows `keras_nlp.models.GPT2CausalLMPreprocessor`, but for two defaults: start and end tokens
    are added as the original tokenizer adds them, and a `sample_weight` weighs the row's tokens.

    Args:
        tokenizer: what turns text into ids.
        sequence_length: how many tokens the model sees of each text; the rest is cut off.
        add_start_token: put the start token before each text; None does what the original
            tokenizer does by itself.
        add_end_token: put the end token after each text that is trained on, likewise.

    Example:
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "a", "b", "c"])
        >>> preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=4)
        >>> x, y, sample_weight = preprocessor(["a b c"])
        >>> x["token_ids"].tolist(), y.tolist(), sample_weight.tolist()
        ([[2, 3, 4, 0]], [[3, 4, 0, 0]], [[1.0, 1.0, 0.0, 0.0]])
    """

    makes_labels = True

    def __call__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        sequence_length: int | None = None,
        pad_to: PadTo = "sequence_length",
    ) -> tuple[dict[str, Any], Any, Any]:
        """Makes training data of text: the labels are the text itself, one token further.

        Args:
            x: a string, a list or array of strings, or a string tensor of TensorFlow.
            y: not used, as labels come from the text; a warning says so.
            sample_weight: one weight a text [batch].
            sequence_length: instead of the preprocessor's own.
            pad_to: pad to the sequence length, or only to a bucket that holds the longest text.

        Returns:
            `({"token_ids": int32, "padding_mask": bool}, labels int32, sample_weight float32)`,
            each [batch, sequence_length], or [sequence_length] for one text. Weights are 0 where
            the label is padding.
        """
        if y is not None:
            warnings.warn(
                "Labels were given for next-token prediction, which takes them from the text; "
                "they are ignored. Leave y out, or pass token ids instead of text.",
                HornbookWarning,
                stacklevel=2,
            )
        dtypes = ("int32", "bool", "int32", "float32")
        results = self._run(self._shifted, x, dtypes, sequence_length, pad_to)
        token_ids, padding_mask, labels, weights = results
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask}
        return inputs, labels, row_weights(weights, sample_weight)

    def _shifted(self, columns: list[list[str]], length: int, pad_to: PadTo) -> Arrays:
        rows = self._encode(columns)
        rows = add_ends(rows, length + 1, self._start, self._end)
        longest = max(map(len, rows), default=0)
        token_ids, mask = pad_rows(
            rows, padded_length(longest - 1, length, pad_to) + 1, self.pad_token_id
        )
        return token_ids[:, :-1], mask[:, :-1], token_ids[:, 1:], mask[:, 1:].astype("float32")

    def _encode(self, columns: list[list[str]]) -> list[list[int]]:
        if len(columns) > 1:
            raise DataError("Got pairs of texts; a language model takes one text a row")
        return self.tokenizer.encode_batch(columns[0])

    def generate_preprocess(
        self, x: Any, sequence_length: int | None = None, pad_to: PadTo = "sequence_length"
    ) -> dict[str, Any]:
        """Turns prompts into what generation starts from: no end token, nothing shifted.

        Returns:
            `{"token_ids": int32, "padding_mask": bool}`, each [batch, sequence_length].

        Raises:
            GenerationError: when a prompt is longer than the sequence length.
        """
        results = self._run(self._prompts, x, ("int32", "bool"), sequence_length, pad_to)
        return dict(zip(("token_ids", "padding_mask"), results, strict=True))

    def _prompts(self, columns: list[list[str]], length: int, pad_to: PadTo) -> Arrays:
        rows = [[*self._start, *row] for row in self._encode(columns)]
        longest = max(map(len, rows), default=0)
        if longest > length:
            raise GenerationError(
                f"A prompt has {longest} tokens, but the sequence length is {length}; shorten "
                "it, or ask for a greater max_length (or sequence_length of the preprocessor)"
            )
        return pad_rows(rows, padded_length(longest, length, pad_to), self.pad_token_id)

    def generate_postprocess(self, x: Mapping[str, Any]) -> str | list[str]:
        """Turns generated tokens into text, without padding and special tokens.

        Args:
            x: `{"token_ids", "padding_mask"}`, each [batch, length] or [length].
        """
        rows, batched = to_id_lists(x["token_ids"])
        mask = x["padding_mask"]
        mask = mask.cpu() if type(mask).__module__ == "torch" else mask
        masks, _ = to_id_lists(np.asarray(mask, "int32"))
        kept = [
            [token for token, real in zip(row, mask, strict=True) if real]
            for row, mask in zip(rows, masks, strict=True)
        ]
        texts: list[str] = self.tokenizer.detokenize(kept, skip_special_tokens=True)
        return texts if batched else texts[0]
