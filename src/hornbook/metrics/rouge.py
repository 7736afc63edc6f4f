"""ROUGE: how much of a reference is in a text, and the other way round."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from hornbook.errors import DataError
from hornbook.metrics.text_values import evaluation_package, refuse_weights, to_texts

NAMES = ("precision", "recall", "f1_score")


class Rouge(keras.metrics.Metric):
    """The mean of a ROUGE score over all texts seen: the base of `RougeN` and `RougeL`.

    Args:
        variant: the score's name in the package rouge-score.
        use_stemmer: whether words count by their stems.
        dtype: the dtype of the results.
        name: the metric's name in logs.
    """

    def __init__(self, variant: str, use_stemmer: bool, dtype: Any, name: str) -> None:
        super().__init__(name=name, dtype=dtype)
        self.variant = variant
        self.use_stemmer = use_stemmer
        package = evaluation_package("rouge_score.rouge_scorer")
        self._scorer = package.RougeScorer([variant], use_stemmer=use_stemmer)
        self.sums = self.add_variable(shape=(3,), initializer="zeros", dtype="float32", name="sums")
        self.texts = self.add_variable(shape=(), initializer="zeros", dtype="int32", name="texts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds texts, each with its reference."""
        refuse_weights(sample_weight)
        references, texts = to_texts(y_true), to_texts(y_pred)
        if len(references) != len(texts):
            raise DataError(f"Got {len(texts)} texts, but {len(references)} references")
        scores = [self._score(*pair) for pair in zip(references, texts, strict=True)]
        if scores:
            self.sums.assign_add(np.sum(scores, axis=0, dtype="float32"))
            self.texts.assign_add(len(scores))

    def _score(self, reference: str, text: str) -> Sequence[float]:
        score = self._scorer.score(reference, text)[self.variant]
        return score.precision, score.recall, score.fmeasure

    def result(self) -> dict[str, Any]:
        """Returns `precision`, `recall` and `f1_score` of what was seen since the last reset."""
        texts = ops.maximum(ops.cast(self.texts, "float32"), 1.0)
        means = ops.cast(self.sums / texts, self.dtype)
        return {name: means[index] for index, name in enumerate(NAMES)}

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        return {**super().get_config(), "use_stemmer": self.use_stemmer}


@keras.saving.register_keras_serializable(package="hornbook")
class RougeN(Rouge):
    """Computes ROUGE-N, the share of n-grams that a text and its reference have in common.

    Follows `keras_nlp.metrics.RougeN` and Lin, "ROUGE: A Package for Automatic Evaluation of
    Summaries" (2004). Needs the package rouge-score, which computes it. It works on strings, so it
    runs outside of compiled steps only.

    Args:
        order: the length of the n-grams, 1 to 9.
        use_stemmer: whether words count by their stems (Porter's).
        dtype: the dtype of the results.
        name: the metric's name in logs.

    `update_state` takes `y_true`, the references, and `y_pred`, the texts: a string each, or a
    batch of strings [batch] or [batch, 1]. The result is a dict of `precision`, `recall` and
    `f1_score`, each the mean over all texts.

    Raises:
        BackendError: when rouge-score is not installed.
        DataError: when the order is out of its range.

    Example:
        >>> rouge = RougeN(order=2)
        >>> rouge.update_state("the cat was under the bed", "the cat was under a bed")
        >>> {name: round(float(value), 2) for name, value in rouge.result().items()}
        {'precision': 0.6, 'recall': 0.6, 'f1_score': 0.6}
    """

    def __init__(
        self,
        order: int = 2,
        use_stemmer: bool = False,
        dtype: Any = "float32",
        name: str = "rouge-n",
    ) -> None:
        if not 1 <= order <= 9:
            raise DataError(f"order is {order}; expected 1 to 9")
        super().__init__(f"rouge{order}", use_stemmer, dtype, name)
        self.order = order

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        return {**super().get_config(), "order": self.order}


@keras.saving.register_keras_serializable(package="hornbook")
class RougeL(Rouge):
    """Computes ROUGE-L, the longest common subsequence of a text and its reference.

    Follows `keras_nlp.metrics.RougeL` and Lin, "ROUGE: A Package for Automatic Evaluation of
    Summaries" (2004). Needs the package rouge-score, which computes it. It works on strings, so it
    runs outside of compiled steps only.

    Args:
        use_stemmer: whether words count by their stems (Porter's).
        dtype: the dtype of the results.
        name: the metric's name in logs.

    Takes and gives what `RougeN` does.

    Raises:
        BackendError: when rouge-score is not installed.

    Example:
        >>> rouge = RougeL()
        >>> rouge.update_state("the cat was under the bed", "the cat was here")
        >>> {name: round(float(value), 2) for name, value in rouge.result().items()}
        {'precision': 0.75, 'recall': 0.5, 'f1_score': 0.6}
    """

    def __init__(
        self, use_stemmer: bool = False, dtype: Any = "float32", name: str = "rouge-l"
    ) -> None:
        super().__init__("rougeL", use_stemmer, dtype, name)
