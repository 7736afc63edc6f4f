"""Text for models that tell which tokens were replaced."""

import warnings
from typing import Any, Literal

import numpy as np

from hornbook.errors import HornbookWarning
from hornbook.preprocessing.encoder import FEATURES, EncoderPreprocessor
from hornbook.preprocessing.masking import DynamicMasking
from hornbook.preprocessing.preprocessor import Arrays, PadTo, row_weights
from hornbook.tokenizers.tokenizer import Tokenizer


class ReplacedTokenPreprocessor(EncoderPreprocessor):
    """Turns texts, or pairs of texts, into rows of which some tokens are replaced by random ones.

    Other tokens are replaced each time. Clark et al., "ELECTRA" (2020) take what a small masked
    language model guesses instead, which is harder to tell: to train on such rows, give the task
    token ids, labels and weights of tokens.

    Args:
        tokenizer: what turns text into ids.
        sequence_length: the greatest number of tokens a row has, special tokens included.
        truncate: as for `EncoderPreprocessor`.
        replacement_rate: the share of a row's tokens to replace, rounded up; special tokens stay.
        seed: makes the replacements repeatable, as for `MaskedLMMaskGenerator`.

    Example:
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh"]
        >>> preprocessor = ReplacedTokenPreprocessor(WordPieceTokenizer(words), 8, seed=1)
        >>> x, y, sample_weight = preprocessor(["a b c d"])
        >>> x["token_ids"].shape, int(y.sum()), sample_weight.tolist()
        ((1, 8), 1, [[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]])
    """

    makes_labels = True

    def __init__(
        self,
        tokenizer: Tokenizer,
        sequence_length: int = 512,
        truncate: Literal["round_robin", "waterfall"] = "round_robin",
        replacement_rate: float = 0.15,
        seed: int | None = None,
    ) -> None:
        super().__init__(tokenizer, sequence_length, truncate)
        self.replacement_rate = replacement_rate
        self.seed = seed
        self._replacing = DynamicMasking(tokenizer, replacement_rate, None, 0.0, 1.0, seed)

    def __call__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        sequence_length: int | None = None,
        pad_to: PadTo = "sequence_length",
    ) -> Any:
        """Replaces tokens of texts; the labels say which.

        Args:
            x: as for `EncoderPreprocessor`.
            y: not used, as labels come from the text; a warning says so.
            sample_weight: one weight a text [batch].
            sequence_length: instead of the preprocessor's own.
            pad_to: pad to the sequence length, or only to a bucket that holds the longest row.

        Returns:
            `(inputs, labels int32, sample_weight float32)`: the inputs of an encoder, and for each
            token 1 where another one stands than in the text, and a weight, which is 0 for padding.
        """
        if y is not None:
            warnings.warn(
                "Labels were given for replaced tokens, which are taken from the text; they are "
                "ignored. Leave y out, or pass token ids instead of text.",
                HornbookWarning,
                stacklevel=2,
            )
        dtypes = ("int32", "int32", "bool", "int32", "float32")
        *features, labels, weights = self._run(self._replaced, x, dtypes, sequence_length, pad_to)
        inputs = dict(zip(FEATURES, features, strict=True))
        return inputs, labels, row_weights(weights, sample_weight)

    def _replaced(self, columns: list[list[str]], length: int, pad_to: PadTo) -> Arrays:
        token_ids, segments, mask = self._rows(columns, length, pad_to)
        replaced, *_ = self._replacing(token_ids)
        labels = (replaced != token_ids).astype(np.int32)  # the draw may be what was there
        return replaced, segments, mask, labels, mask.astype(np.float32)

    def predict_preprocess(
        self, x: Any, sequence_length: int | None = None, pad_to: PadTo = "sequence_length"
    ) -> Any:
        """Turns texts into an encoder's inputs as they are."""
        return EncoderPreprocessor.__call__(self, x, None, None, sequence_length, pad_to)

    def get_config(self) -> dict[str, Any]:
        """Returns the preprocessor as plain JSON values, its tokenizer included."""
        own = {"replacement_rate": self.replacement_rate, "seed": self.seed}
        return {**super().get_config(), **own}
