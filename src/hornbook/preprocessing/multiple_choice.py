"""Text for models that pick one of several choices."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.encoder import EncoderPreprocessor
from hornbook.preprocessing.preprocessor import PadTo, with_targets
from hornbook.preprocessing.text_columns import column_strings, split_columns


class MultipleChoicePreprocessor(EncoderPreprocessor):
    """Turns prompts and their choices into an encoder's inputs: a pair for each choice.

    A pair is laid out as by `EncoderPreprocessor`: `[CLS] prompt [SEP] choice [SEP]`.

    Args:
        tokenizer: what turns text into ids.
        sequence_length: the greatest number of tokens a pair has, special tokens included.
        truncate: how the two share a row that is too short, as for `EncoderPreprocessor`.

    Example:
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c"])
        >>> preprocessor = MultipleChoicePreprocessor(tokenizer, sequence_length=6)
        >>> preprocessor((["a"], [["b", "c"]]))["token_ids"].tolist()
        [[[2, 4, 3, 5, 3, 0], [2, 4, 3, 6, 3, 0]]]
    """

    def __call__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        sequence_length: int | None = None,
        pad_to: PadTo = "sequence_length",
    ) -> Any:
        """Makes inputs of prompts and choices; labels and weights pass through.

        Args:
            x: a tuple of the prompts and a list of choices for each, or a list of such pairs. All
                have as many choices.
            y: the right choices, int [batch].
            sample_weight: weights.
            sequence_length: instead of the preprocessor's own.
            pad_to: pad to the sequence length, or only to a bucket that holds the longest row.

        Returns:
            `{"token_ids": int32, "segment_ids": int32, "padding_mask": bool}`, each
            [batch, choices, sequence_length]; with labels a tuple `(x, y)` or
            `(x, y, sample_weight)`.

        Raises:
            DataError: when prompts have different numbers of choices, or none.
        """
        prompts, choices = choice_columns(x)
        number = len(choices[0]) if choices else 1
        if number < 1 or any(len(row) != number for row in choices):
            raise DataError(
                f"Some prompts have {min(map(len, choices))} choices and others "
                f"{max(map(len, choices))}; expected equally many, and at least one"
            )
        flat = [text for row in choices for text in row]
        repeated = [prompt for prompt in prompts for _ in range(number)]
        rows = super().__call__((repeated, flat), None, None, sequence_length, pad_to)
        shape = len(prompts), number
        features = {name: value.reshape(*shape, -1) for name, value in rows.items()}
        return with_targets(features, y, sample_weight)


def choice_columns(x: Any) -> tuple[list[str], list[list[str]]]:
    """Prompts, and the choices of each.

    Raises:
        DataError: when `x` is anything else.
    """
    columns, _ = split_columns(x)
    if len(columns) != 2 or any(
        not isinstance(row, Sequence | np.ndarray) or isinstance(row, str) for row in columns[1]
    ):
        raise DataError(
            "Expected prompts, and a list of choices for each, as a tuple of two lists or a list "
            "of pairs"
        )
    return column_strings(columns[0]), [column_strings(list(row)) for row in columns[1]]
