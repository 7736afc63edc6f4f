"""Text for models that guess masked tokens."""

import warnings
from typing import Any, Literal

from hornbook.errors import HornbookWarning
from hornbook.preprocessing.encoder import FEATURES, EncoderPreprocessor
from hornbook.preprocessing.masking import DynamicMasking, with_places_of_masks
from hornbook.preprocessing.preprocessor import Arrays, PadTo, row_weights
from hornbook.tokenizers.tokenizer import Tokenizer

DTYPES = ("int32", "int32", "bool", "int32", "int32", "float32")


class MaskedLMPreprocessor(EncoderPreprocessor):
    """Turns texts, or pairs of texts, into inputs, labels and weights of masked language modelling.

    Other tokens are masked each time, so that every pass over the data is another one (Liu et al.,
    "RoBERTa", 2019). Follows `keras_nlp.models.BertMaskedLMPreprocessor`.

    Args:
        tokenizer: what turns text into ids.
        sequence_length: the greatest number of tokens a row has, special tokens included.
        truncate: as for `EncoderPreprocessor`.
        mask_selection_rate: the share of a row's tokens to guess, rounded up.
        mask_selection_length: the most tokens of a row to guess, and how many places there are for
            them; None is the share of the sequence length.
        mask_token_rate: the share of these that becomes the mask token.
        random_token_rate: the share that becomes a random token; the others stay.
        seed: makes the masks repeatable, as for `MaskedLMMaskGenerator`.

    Example:
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]
        >>> preprocessor = MaskedLMPreprocessor(WordPieceTokenizer(words), sequence_length=8)
        >>> x, y, sample_weight = preprocessor(["a b a b"])
        >>> x["token_ids"].shape, y.shape, sample_weight.tolist()
        ((1, 8), (1, 2), [[1.0, 0.0]])
    """

    makes_labels = True

    def __init__(
        self,
        tokenizer: Tokenizer,
        sequence_length: int = 512,
        truncate: Literal["round_robin", "waterfall"] = "round_robin",
        mask_selection_rate: float = 0.15,
        mask_selection_length: int | None = None,
        mask_token_rate: float = 0.8,
        random_token_rate: float = 0.1,
        seed: int | None = None,
    ) -> None:
        super().__init__(tokenizer, sequence_length, truncate)
        self.masking = DynamicMasking(
            tokenizer, mask_selection_rate, mask_selection_length, mask_token_rate,
            random_token_rate, seed,
        )  # fmt: skip

    def __call__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        sequence_length: int | None = None,
        pad_to: PadTo = "sequence_length",
    ) -> Any:
        """Masks texts; the labels are the tokens that were there.

        Args:
            x: as for `EncoderPreprocessor`.
            y: not used, as labels come from the text; a warning says so.
            sample_weight: one weight a text [batch].
            sequence_length: instead of the preprocessor's own.
            pad_to: pad to the sequence length, or only to a bucket that holds the longest row.

        Returns:
            `(inputs, labels int32, sample_weight float32)`, where the inputs are those of an
            encoder, masked, and `mask_positions` int32: what to guess. Labels, weights and
            positions are [batch, masks]; weights are 0 where a row has fewer.
        """
        if y is not None:
            warnings.warn(
                "Labels were given for masked language modelling, which takes them from the text; "
                "they are ignored. Leave y out, or pass token ids instead of text.",
                HornbookWarning,
                stacklevel=2,
            )
        length = sequence_length or self.sequence_length
        masks = self.masking.width(length) if pad_to == "sequence_length" else None
        shapes = ((length if masks else None,),) * 3 + ((masks,),) * 3
        results = self._run(self._masked, x, DTYPES, sequence_length, pad_to, shapes)
        *features, positions, labels, weights = results
        inputs = {**dict(zip(FEATURES, features, strict=True)), "mask_positions": positions}
        return inputs, labels, row_weights(weights, sample_weight)

    def _masked(self, columns: list[list[str]], length: int, pad_to: PadTo) -> Arrays:
        token_ids, segments, mask = self._rows(columns, length, pad_to)
        masked, positions, labels, weights = self.masking(token_ids)
        return masked, segments, mask, positions, labels, weights

    def predict_preprocess(
        self, x: Any, sequence_length: int | None = None, pad_to: PadTo = "sequence_length"
    ) -> dict[str, Any]:
        """Turns texts that hold mask tokens into what these are guessed from.

        Returns:
            The inputs of an encoder, and `mask_positions` int32 [batch, masks]: where the mask
            tokens stand, filled up with zeros.
        """
        features = EncoderPreprocessor.__call__(self, x, None, None, sequence_length, pad_to)
        return with_places_of_masks(features, self.tokenizer)

    def get_config(self) -> dict[str, Any]:
        """Returns the preprocessor as plain JSON values, its tokenizer included."""
        return {**super().get_config(), **self.masking.settings}
