"""How well answers agree with what people answered: SQuAD's two measures."""

import abc
import re
import string
from collections import Counter
from typing import Any

import keras
from keras import ops

from hornbook.errors import DataError
from hornbook.metrics.text_values import rank, refuse_weights, to_lists, to_texts

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


class AnswerMetric(keras.metrics.Metric, abc.ABC):
    """Base of metrics that compare an answer with each of its references and take the best.

    They work on values, so they run outside of compiled steps only.

    `update_state` takes `y_true`, references: a text for each answer, or a list of texts for each,
    and `y_pred`, the answers: a text or several. An answer that there is none is "".
    """

    @abc.abstractmethod
    def compare(self, answer: str, reference: str) -> float:
        """How well an answer agrees with one reference, from 0 to 1."""

    def __init__(self, dtype: Any = "float32", name: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self._sum("total")
        self.answers = self._sum("answers")

    def _sum(self, name: str) -> Any:
        return self.add_variable(shape=(), initializer="zeros", dtype="float32", name=name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds answers, each with its references."""
        refuse_weights(sample_weight)
        answers = to_texts(y_pred)
        references = to_lists(y_true)
        if rank(references) == 0:
            references = [references]
        if len(references) != len(answers):
            raise DataError(f"Got {len(answers)} answers, but references of {len(references)}")
        best = [
            max((self.compare(answer, reference) for reference in to_texts(row)), default=0.0)
            for answer, row in zip(answers, references, strict=True)
        ]
        self.total.assign_add(sum(best))
        self.answers.assign_add(len(best))

    def result(self) -> Any:
        """Returns the mean over all answers since the last reset; 0 if there were none."""
        return ops.cast(ops.divide_no_nan(self.total, self.answers), self.dtype)


@keras.saving.register_keras_serializable(package="hornbook")
class ExactMatch(AnswerMetric):
    """The share of answers that are a reference, but for case, punctuation and articles.

    Follows Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text" (2016).

    Args:
        dtype: the dtype of the result.
        name: the metric's name in logs.

    `update_state` takes `y_true`, references: a text for each answer, or a list of texts for each,
    and `y_pred`, the answers: a text or several. An answer that there is none is "".

    Example:
        >>> match = ExactMatch()
        >>> match.update_state([["the Alps", "in the Alps"], ["1848"]], ["The alps.", "in 1848"])
        >>> float(match.result())
        0.5
    """

    def __init__(self, dtype: Any = "float32", name: str = "exact_match") -> None:
        super().__init__(dtype, name)

    def compare(self, answer: str, reference: str) -> float:
        return float(_words(answer) == _words(reference))


@keras.saving.register_keras_serializable(package="hornbook")
class AnswerF1(AnswerMetric):
    """The mean F1 of answers' words, but for case, punctuation and articles.

    Follows Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text" (2016),
    and its second version: where answer or reference is empty, it is 1 if both are.

    Args:
        dtype: the dtype of the result.
        name: the metric's name in logs.

    `update_state` takes `y_true`, references: a text for each answer, or a list of texts for each,
    and `y_pred`, the answers: a text or several. An answer that there is none is "".

    Example:
        >>> f1 = AnswerF1()
        >>> f1.update_state([["the year 1848"]], ["1848"])
        >>> round(float(f1.result()), 3)
        0.667
    """

    def __init__(self, dtype: Any = "float32", name: str = "answer_f1") -> None:
        super().__init__(dtype, name)

    def compare(self, answer: str, reference: str) -> float:
        ours, theirs = _words(answer), _words(reference)
        if not ours or not theirs:
            return float(ours == theirs)
        shared = (Counter(ours) & Counter(theirs)).total()
        return 2 * shared / (len(ours) + len(theirs))


def _words(text: str) -> list[str]:
    return ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split()
