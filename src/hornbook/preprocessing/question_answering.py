"""Questions with the texts that answer them, in windows where a text is long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.encoder import FEATURES, EncoderPreprocessor
from hornbook.preprocessing.preprocessor import PadTo, with_targets
from hornbook.preprocessing.text_columns import column_strings, split_columns
from hornbook.preprocessing.token_classifier import numbered
from hornbook.tokenizers.tensorflow_inputs import is_tensorflow
from hornbook.tokenizers.tokenizer import Tokenizer

QUESTION_MARK = -(2**30)
"""What stands for a question's token, below all numbers of a context's."""


@dataclass(frozen=True)
class ContextWindows:
    """Questions, each with a part of its context.

    Attributes:
        features: an encoder's inputs, each [windows, length].
        examples: int [windows], the question that each is of.
        offsets: int32 [windows, length, 2], which characters of the context a token is; -1 for
            all that isn't of the context.
        nothing: int [windows], the token that stands for no answer.
    """

    features: dict[str, np.ndarray]
    examples: np.ndarray
    offsets: np.ndarray
    nothing: np.ndarray


class QuestionAnsweringPreprocessor(EncoderPreprocessor):
    """Turns questions and contexts into an encoder's inputs, and answers into tokens.

    A row is `[CLS] question [SEP] context [SEP]`, or as the family has it. A context that is too
    long becomes several rows, each with a part of it that overlaps the next; where a part doesn't
    hold the answer, the answer is the row's `[CLS]`, as in Devlin et al., "BERT" (2018). So there
    may be more rows than questions.

    Args:
        tokenizer: what turns text into ids.
        sequence_length: the greatest number of tokens a row has, special tokens included. A
            question takes half of them at most.
        stride: how many tokens the parts of a context have in common.

    Example:
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "is", "it", "me"]
        >>> tokenizer = WordPieceTokenizer(words)
        >>> preprocessor = QuestionAnsweringPreprocessor(tokenizer, sequence_length=8)
        >>> x, y = preprocessor((["who"], ["it is me"]), [(6, "me")])
        >>> x["token_ids"].tolist(), y.tolist()
        ([[2, 4, 3, 6, 5, 7, 3, 0]], [[5, 5]])
    """

    def __init__(self, tokenizer: Tokenizer, sequence_length: int = 384, stride: int = 128) -> None:
        super().__init__(tokenizer, sequence_length)
        if stride < 0:
            raise DataError(f"stride is {stride}; expected 0 or more")
        self.stride = stride

    def __call__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        sequence_length: int | None = None,
        pad_to: PadTo = "sequence_length",
    ) -> Any:
        """Makes inputs of questions and contexts, and labels of answers.

        Args:
            x: a tuple of two lists, questions and contexts, or a list of pairs.
            y: the answers: for each the first character in the context and the text, `(5, "Bern")`,
                or None for no answer; an answer as SQuAD has it, a dict of `answer_start` and
                `text`; or a dict of the columns `start` (-1 for no answer) and `text`.
            sample_weight: one weight a question [batch].
            sequence_length: instead of the preprocessor's own.
            pad_to: pad to the sequence length, or only to a bucket that holds the longest row.

        Returns:
            `{"token_ids": int32, "segment_ids": int32, "padding_mask": bool}`, each
            [windows, sequence_length]; with answers `(x, y)` or `(x, y, sample_weight)`, where y is
            int32 [windows, 2], the first and the last token of the answer.

        Raises:
            DataError: when an answer isn't where it is said to be.
        """
        questions, contexts = question_columns(x)
        windows = self.windows(questions, contexts, sequence_length, pad_to)
        labels = None if y is None else _labels(windows, read_answers(y, contexts))
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight, "float32")[windows.examples]
        return with_targets(windows.features, labels, sample_weight)

    def windows(
        self,
        questions: Sequence[str],
        contexts: Sequence[str],
        sequence_length: int | None = None,
        pad_to: PadTo = "sequence_length",
    ) -> ContextWindows:
        """The rows of questions and contexts, and where in the contexts their tokens stand."""
        length = sequence_length or self.sequence_length
        special = len(self._start) + len(self._between) + len(self._end)
        if length < special + 2:
            raise DataError(f"sequence_length is {length}; expected {special + 2} or more")
        asked = [ids[: (length - special) // 2] for ids in self.tokenizer.encode_batch(questions)]
        rows, offsets = self.tokenizer.encode_with_offsets(contexts)
        parts = [
            (example, slice(start, start + room))
            for example, (question, ids) in enumerate(zip(asked, rows, strict=True))
            for room in [length - special - len(question)]
            for start in _starts(len(ids), room, self.stride)
        ]
        examples = np.array([example for example, _ in parts], int)
        marks = numbered(rows)
        arrays = self._pack(_pairs(asked, rows, parts), length, pad_to)
        hidden = [[QUESTION_MARK] * len(question) for question in asked]
        markers = self._pack(_pairs(hidden, marks, parts), length, pad_to)[0]
        places = np.full((*markers.shape, 2), -1, "int32")
        for row, (example, _) in enumerate(parts):
            of_context = (markers[row] < 0) & (markers[row] > QUESTION_MARK)
            places[row, of_context] = offsets[example][-1 - markers[row, of_context]]
        features = self._with_global_tokens(dict(zip(FEATURES, arrays, strict=True)))
        token = self.tokenizer.cls_token_id
        nothing = (features["token_ids"] == token).argmax(axis=1) if token is not None else 0
        return ContextWindows(features, examples, places, np.broadcast_to(nothing, len(parts)))

    def get_config(self) -> dict[str, Any]:
        """Returns the preprocessor as plain JSON values, its tokenizer included."""
        config = {**super().get_config(), "stride": self.stride}
        del config["truncate"]  # nothing is cut off
        return config


def question_columns(x: Any) -> tuple[list[str], list[str]]:
    """Questions and contexts.

    Raises:
        DataError: when these are not two columns of text.
    """
    columns, batched = split_columns(x)
    if len(columns) != 2 or not batched or any(map(is_tensorflow, columns)):
        raise DataError(
            "Expected questions and the texts that answer them, as a tuple of two lists of strings "
            "or a list of pairs"
        )
    questions, contexts = map(column_strings, columns)
    return questions, contexts


def read_answers(y: Any, contexts: Sequence[str]) -> list[tuple[int, int] | None]:
    """The first character of each answer in its context, and the one behind its last.

    Raises:
        DataError: when an answer isn't there.
    """
    if isinstance(y, Mapping):
        y = list(zip(y["start"], y["text"], strict=True))
    if len(y) != len(contexts):
        raise DataError(f"Got {len(contexts)} contexts, but {len(y)} answers")
    found: list[tuple[int, int] | None] = []
    for row, (answer, context) in enumerate(zip(y, contexts, strict=True)):
        start, text = _read_answer(answer)
        if start < 0:
            found.append(None)
            continue
        there = context[start : start + len(text)]
        if there != text or not text.strip():
            raise DataError(
                f"The answer {text!r:.60} to question {row} is not at character {start} of its "
                f"context, where {there!r:.60} stands"
            )
        start += len(text) - len(text.lstrip())
        found.append((start, start + len(text.strip())))
    return found


def _read_answer(answer: Any) -> tuple[int, str]:
    if isinstance(answer, Mapping):
        starts, texts = answer["answer_start"], answer["text"]
        if isinstance(texts, str):
            starts, texts = [starts], [texts]
        answer = (starts[0], texts[0]) if len(texts) else None
    if answer is None:
        return -1, ""
    start, text = answer
    return int(start), str(text)


def _starts(tokens: int, room: int, stride: int) -> list[int]:
    """Where parts of at most `room` tokens begin, which share `stride` tokens and cover all."""
    step = max(room - stride, (room + 1) // 2)
    return [0, *range(step, tokens - room + step, step)] if tokens > room else [0]


def _pairs(
    firsts: Sequence[Sequence[int]],
    seconds: Sequence[Sequence[int]],
    parts: Sequence[tuple[int, slice]],
) -> list[list[list[int]]]:
    return [
        [list(firsts[example]) for example, _ in parts],
        [list(seconds[example][part]) for example, part in parts],
    ]


def _labels(windows: ContextWindows, answers: Sequence[tuple[int, int] | None]) -> np.ndarray:
    """The first and last token of each window's answer, int32 [windows, 2]."""
    labels = np.stack([windows.nothing, windows.nothing], axis=1).astype("int32")
    for row, example in enumerate(windows.examples):
        answer = answers[example]
        if answer is None:
            continue
        starts, ends = windows.offsets[row].T
        own = np.flatnonzero((starts >= 0) & (starts < ends))
        if not len(own) or starts[own[0]] > answer[0] or ends[own[-1]] < answer[1]:
            continue
        labels[row, 0] = own[starts[own] <= answer[0]][-1]
        labels[row, 1] = own[ends[own] >= answer[1]][0]
    return labels
