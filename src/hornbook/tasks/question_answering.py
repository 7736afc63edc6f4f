"""Questions to the spans of texts that answer them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np

from hornbook.backbones.backbone import Backbone
from hornbook.errors import DataError
from hornbook.layers.head_layers import HeadLayers
from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics.span_accuracy import SpanAccuracy
from hornbook.preprocessing.question_answering import ContextWindows, question_columns
from hornbook.preprocessing.text_columns import is_text
from hornbook.tasks.head import head_features, output_layer
from hornbook.tasks.labelled_task import dropout_entry, read_config_json, read_dropout
from hornbook.tasks.task import Task

CANDIDATES = 20
"""So many spans of a text are considered, and share the probability."""
HIDDEN = -1e4
"""The logit of what can be no answer."""
NOTHING = (0, 0)
"""The span of no answer."""

Span = tuple[int, int]


class QuestionAnswering(Task):
    """Marks where in a text the answer to a question begins and ends.

    Inputs are those of the backbone, a question and a context a row; the output is
    [batch, 2, length]: a logit for each token of being the answer's first, and its last, which is
    -10,000 for padding. To train on are questions with contexts, and answers that name their first
    character in the context; long contexts are read in several rows, see
    `QuestionAnsweringPreprocessor`. It is compiled with the cross-entropy of both and the share of
    rows in which both are right, and with Adam at 2e-5; `compile` changes that.
    `hornbook.metrics.ExactMatch` and `AnswerF1` measure what `answer` finds.

    Args:
        backbone: an encoder.
        preprocessor: a `QuestionAnsweringPreprocessor`, or None for a task that takes token ids.
        dropout: the rate before the last layer, in training; None is the family's own.

    Example:
        >>> from hornbook.models import BertBackbone, BertQuestionAnswering
        >>> backbone = BertBackbone(
        ...     vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
        ... )
        >>> import numpy as np
        >>> ids = np.array([[3, 4, 5]])
        >>> inputs = {"token_ids": ids, "padding_mask": ids > 0, "segment_ids": 0 * ids}
        >>> BertQuestionAnswering(backbone)(inputs).shape
        (1, 2, 3)
    """

    name_in_families = "QuestionAnswering"
    starts_fresh = True
    head_layers: ClassVar[HeadLayers]

    def __init__(
        self,
        backbone: Backbone,
        preprocessor: Any = None,
        *,
        dropout: float | None = None,
        name: str | None = None,
    ) -> None:
        if type(self) is QuestionAnswering:
            raise TypeError(
                "QuestionAnswering is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        layers = self.head_layers
        x = head_features(backbone, layers, dropout=dropout)
        logits = keras.ops.swapaxes(output_layer(backbone, layers, 2, "span")(x), 1, 2)
        real = keras.ops.cast(backbone.input["padding_mask"], "bool")[:, None, :]
        logits = keras.ops.where(real, logits, keras.ops.cast(HIDDEN, logits.dtype))
        super().__init__(backbone, preprocessor, logits, name=name)
        self.dropout = dropout
        self.compile_by_default()

    def default_compile(self) -> dict[str, Any]:
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": SparseTokenCrossentropy(),
            "weighted_metrics": [SpanAccuracy()],
        }

    @property
    def task_options(self) -> dict[str, Any]:
        return {"dropout": self.dropout}

    @classmethod
    def read_options(cls, folder: Path) -> dict[str, Any]:
        return read_dropout(cls.head_layers, read_config_json(folder))

    def config_entries(self) -> dict[str, Any]:
        return dropout_entry(self.head_layers, self.dropout)

    def read_examples(
        self, x: Any, y: Any = None, sample_weight: Any = None
    ) -> tuple[Any, Any, Any]:
        """Questions, contexts and answers as rows of token ids, of which a long context has many.

        They are all made at once: only so is it known how many there are.
        """
        if self.preprocessor is None or not isinstance(x, list | tuple) or not is_text(x):
            return x, y, sample_weight
        made = self.preprocessor(x, y, sample_weight)
        parts = made if isinstance(made, tuple) else (made,)
        return (*parts, None, None)[:3]

    def answer(
        self,
        questions: str | Sequence[str],
        contexts: str | Sequence[str],
        *,
        top_k: int = 1,
        unanswerable: bool = False,
        max_answer_tokens: int = 30,
        batch_size: int = 32,
    ) -> Any:
        """Finds answers in contexts.

        Args:
            questions: a question or several.
            contexts: for each the text that answers it.
            top_k: how many answers are given, the best first.
            unanswerable: whether there may be no answer, which then is one of those considered; a
                model has to have learned that.
            max_answer_tokens: the longest answer, in tokens.
            batch_size: how many rows run at a time; a long context has several.

        Returns:
            For each question `{"text", "start", "end", "score"}`, a list of these if `top_k` is
            above 1: the answer as the context has it, its first character there and the one behind
            its last, and its probability among the best 20. No answer is the text "".

        Raises:
            DataError: when the model has no tokenizer.
        """
        if self.preprocessor is None:
            raise DataError("This model has no tokenizer; call it on token ids instead of texts.")
        if isinstance(questions, str):
            pair = [questions], [str(contexts)]
            return self.answer(
                *pair, top_k=top_k, unanswerable=unanswerable,
                max_answer_tokens=max_answer_tokens, batch_size=batch_size,
            )[0]  # fmt: skip
        asked, texts = question_columns((list(questions), list(contexts)))
        found: list[dict[Span, float]] = [{} for _ in asked]
        for start in range(0, len(asked), batch_size):
            part = slice(start, start + batch_size)
            windows = self.preprocessor.windows(asked[part], texts[part], pad_to="longest")
            logits = self._logits(windows.features, batch_size)
            spans = _spans(windows, logits, max_answer_tokens, unanswerable)
            for example, span, score in spans:
                best = found[start + example]
                # A span that two windows have counts as in the better one; that there is no answer
                # is for all of them to say.
                worse = min if span == NOTHING else max
                best[span] = worse(best.get(span, score), score)
        answers = [
            _ranked(text, candidates)[:top_k] for text, candidates in zip(texts, found, strict=True)
        ]
        return [row[0] for row in answers] if top_k == 1 else answers

    def _logits(self, features: dict[str, np.ndarray], batch_size: int) -> np.ndarray:
        rows = len(features["token_ids"])
        parts = []
        for start in range(0, rows, batch_size):
            batch = {name: value[start : start + batch_size] for name, value in features.items()}
            outputs = keras.ops.cast(self.predict_on_batch(batch), "float32")
            parts.append(keras.ops.convert_to_numpy(outputs))
        return np.concatenate(parts)


def _spans(
    windows: ContextWindows, logits: np.ndarray, longest: int, unanswerable: bool
) -> Iterator[tuple[int, Span, float]]:
    """The best spans of each window: the question, the characters, and the score."""
    for row, (first, last) in enumerate(logits):
        example = int(windows.examples[row])
        if unanswerable:
            nothing = windows.nothing[row]
            yield example, NOTHING, float(first[nothing] + last[nothing])
        starts, ends = windows.offsets[row].T
        own = np.flatnonzero((starts >= 0) & (starts < ends))
        scores = first[own, None] + last[None, own]
        length = own[None, :] - own[:, None]
        scores[(length < 0) | (length >= longest)] = -np.inf
        flat = scores.reshape(-1)
        best = np.argsort(-flat, kind="stable")[:CANDIDATES]
        for index in best[np.isfinite(flat[best])].tolist():
            begin, end = own[index // len(own)], own[index % len(own)]
            yield example, (int(starts[begin]), int(ends[end])), float(flat[index])


def _ranked(context: str, candidates: dict[Span, float]) -> list[dict[str, Any]]:
    """Answers with their probabilities, the best first; where there are none, no answer."""
    ordered = sorted(candidates, key=lambda span: -candidates[span])[:CANDIDATES]
    if not ordered:
        return [{"text": "", "start": 0, "end": 0, "score": 0.0}]
    scores = np.array([candidates[span] for span in ordered], "float64")
    weights = np.exp(scores - scores.max())
    return [
        {"text": context[start:end], "start": start, "end": end, "score": float(weight)}
        for (start, end), weight in zip(ordered, weights / weights.sum(), strict=True)
    ]
