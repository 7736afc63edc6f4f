"""Documents for models that tell whether a text goes on with another."""

from typing import Any, Literal

import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.encoder import FEATURES, EncoderPreprocessor
from hornbook.preprocessing.masking import DynamicMasking, with_places_of_masks
from hornbook.preprocessing.preprocessor import Arrays, PadTo, row_weights
from hornbook.preprocessing.random_choice import generator
from hornbook.preprocessing.sentence_pairs import sentence_pairs, split_sentences
from hornbook.preprocessing.text_columns import split_columns
from hornbook.tokenizers.tokenizer import Tokenizer

PAIR_DTYPES = ("int32", "int32", "bool", "int32", "float32")
MASKED_DTYPES = (*PAIR_DTYPES, "int32", "int32", "float32")


class NextSentencePreprocessor(EncoderPreprocessor):
    """Turns documents into pairs of texts, and whether the second follows the first.

    A document is a text of several sentences, one a line, or else ended by marks; each gives one
    pair, another one each time. Half of the second texts come from another document of the batch.
    Pairs can be given instead, with their labels beside them: 0 where the second text follows, 1
    where it doesn't, as in Devlin et al., "BERT" (2018).

    Args:
        tokenizer: what turns text into ids.
        sequence_length: the greatest number of tokens a row has, special tokens included.
        truncate: as for `EncoderPreprocessor`.
        seed: makes the pairs repeatable, as long as calls come in the same order; None takes one
            from numpy's global state, which `keras.utils.set_random_seed` sets.

    Example:
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "a", "b"])
        >>> preprocessor = NextSentencePreprocessor(tokenizer, sequence_length=12)
        >>> x, y, sample_weight = preprocessor(["a a. b b.", "b. a. b. a."])
        >>> x["token_ids"].shape, y.shape, sample_weight.shape
        ((2, 12), (2,), (2,))
    """

    makes_labels = True

    def __init__(
        self,
        tokenizer: Tokenizer,
        sequence_length: int = 512,
        truncate: Literal["round_robin", "waterfall"] = "round_robin",
        seed: int | None = None,
    ) -> None:
        super().__init__(tokenizer, sequence_length, truncate)
        self.seed = seed
        self._rng = generator(seed)

    def __call__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        sequence_length: int | None = None,
        pad_to: PadTo = "sequence_length",
    ) -> Any:
        """Makes pairs of documents, with labels; or reads pairs, whose labels are given.

        Args:
            x: documents: a string, a list or array of strings; or pairs of texts, in the forms
                that `EncoderPreprocessor` takes. Tensors of TensorFlow in the same forms.
            y: labels of pairs; documents have none.
            sample_weight: weights of rows.
            sequence_length: instead of the preprocessor's own.
            pad_to: pad to the sequence length, or only to a bucket that holds the longest row.

        Returns:
            `(inputs, labels int32 [batch], sample_weight float32 [batch])`, where the inputs are
            those of an encoder.
        """
        if len(split_columns(x)[0]) > 1:
            return super().__call__(x, y, sample_weight, sequence_length, pad_to)
        _refuse_labels(y)
        length = sequence_length or self.sequence_length
        static = length if pad_to == "sequence_length" else None
        shapes = (*((static,),) * len(FEATURES), (), ())
        results = self._run(self._paired, x, PAIR_DTYPES, sequence_length, pad_to, shapes)
        *features, labels, weights = results
        inputs = dict(zip(FEATURES, features, strict=True))
        return inputs, labels, weights if sample_weight is None else sample_weight

    def predict_preprocess(
        self, x: Any, sequence_length: int | None = None, pad_to: PadTo = "sequence_length"
    ) -> Any:
        """Turns pairs of texts, or single ones, into an encoder's inputs as they are."""
        return EncoderPreprocessor.__call__(self, x, None, None, sequence_length, pad_to)

    def _paired(self, columns: list[list[str]], length: int, pad_to: PadTo) -> Arrays:
        documents = [split_sentences(document) for document in columns[0]]
        encoded = iter(self.tokenizer.encode_batch([s for parts in documents for s in parts]))
        rows = [[next(encoded) for _ in parts] for parts in documents]
        special = len(self._start) + len(self._between) + len(self._end)
        firsts, seconds, labels = sentence_pairs(rows, max(length - special, 2), self._rng)
        packed = self._pack([firsts, seconds], length, pad_to)
        return (*packed, labels, np.ones(len(labels), np.float32))

    def get_config(self) -> dict[str, Any]:
        """Returns the preprocessor as plain JSON values, its tokenizer included."""
        return {**super().get_config(), "seed": self.seed}


class MaskedLMAndNextSentencePreprocessor(NextSentencePreprocessor):
    """Turns documents into pairs of texts with masked tokens: what BERT was pretrained on.

    Args:
        tokenizer: what turns text into ids.
        sequence_length: the greatest number of tokens a row has, special tokens included.
        truncate: as for `EncoderPreprocessor`.
        mask_selection_rate: as for `MaskedLMPreprocessor`, as are the other arguments on masks.
        mask_selection_length: likewise.
        mask_token_rate: likewise.
        random_token_rate: likewise.
        seed: makes pairs and masks repeatable, as for `NextSentencePreprocessor`.

    Example:
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "a", "b"]
        >>> preprocessor = MaskedLMAndNextSentencePreprocessor(WordPieceTokenizer(words), 12)
        >>> x, y, sample_weight = preprocessor(["a a. b b.", "b. a. b. a."])
        >>> x["mask_positions"].shape, y["masked_lm"].shape, y["next_sentence"].shape
        ((2, 2), (2, 2), (2,))
    """

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
        super().__init__(tokenizer, sequence_length, truncate, seed)
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
        """Makes masked pairs of documents.

        Args:
            x: documents: a string, a list or array of strings, or a string tensor of TensorFlow.
            y: not taken, as labels come from the documents.
            sample_weight: weights of rows.
            sequence_length: instead of the preprocessor's own.
            pad_to: pad to the sequence length, or only to a bucket that holds the longest row.

        Returns:
            `(inputs, labels, weights)`: the inputs of an encoder, masked, and `mask_positions`;
            labels and weights by the names "masked_lm", [batch, masks], and "next_sentence",
            [batch].
        """
        _refuse_labels(y)
        if len(split_columns(x)[0]) > 1:
            raise DataError("Got pairs of texts; expected documents, of which pairs are made")
        length = sequence_length or self.sequence_length
        whole = pad_to == "sequence_length"
        of_tokens = (length if whole else None,)
        of_masks = (self.masking.width(length) if whole else None,)
        shapes = (*(of_tokens,) * len(FEATURES), (), (), *(of_masks,) * 3)
        results = self._run(self._masked, x, MASKED_DTYPES, sequence_length, pad_to, shapes)
        *features, following, rows, positions, tokens, weights = results
        inputs = {**dict(zip(FEATURES, features, strict=True)), "mask_positions": positions}
        labels = {"masked_lm": tokens, "next_sentence": following}
        rows = rows if sample_weight is None else sample_weight
        weights = row_weights(weights, sample_weight)
        return inputs, labels, {"masked_lm": weights, "next_sentence": rows}

    def predict_preprocess(
        self, x: Any, sequence_length: int | None = None, pad_to: PadTo = "sequence_length"
    ) -> Any:
        """Turns pairs of texts into inputs as they are; mask tokens in them are guessed."""
        features = super().predict_preprocess(x, sequence_length, pad_to)
        return with_places_of_masks(features, self.tokenizer)

    def _masked(self, columns: list[list[str]], length: int, pad_to: PadTo) -> Arrays:
        token_ids, *others = self._paired(columns, length, pad_to)
        masked, *about = self.masking(token_ids)
        return (masked, *others, *about)

    def get_config(self) -> dict[str, Any]:
        """Returns the preprocessor as plain JSON values, its tokenizer included."""
        return {**super().get_config(), **self.masking.settings}


def _refuse_labels(y: Any) -> None:
    if y is not None:
        raise DataError(
            "Labels were given with documents, whose pairs are labelled as they are made; leave y "
            "out, or give pairs of texts: (firsts, seconds)"
        )
