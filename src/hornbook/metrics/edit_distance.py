"""Edit distance: how many tokens to change to get from a text to its reference."""

from typing import Any

import keras
from keras import ops

from hornbook.errors import DataError
from hornbook.metrics.text_values import evaluation_package, rank, refuse_weights, to_lists


@keras.saving.register_keras_serializable(package="hornbook")
class EditDistance(keras.metrics.Metric):
    """Computes the Levenshtein distance of texts to their references, in tokens.

    With words as tokens it is the word error rate, with characters the character error rate.
    Follows `keras_nlp.metrics.EditDistance` and Levenshtein (1966). Needs the package rapidfuzz.
    It works on values, so it runs outside of compiled steps only.

    Args:
        normalize: divide the changes in all texts by the tokens of all references. If False, the
            result is the mean number of changes a text.
        dtype: the dtype of the result.
        name: the metric's name in logs.

    `update_state` takes `y_true`, the references, and `y_pred`, the texts: tokens [length] or
    [batch, length], strings or ids, where rows may differ in length. All tokens count, also
    padding.

    Raises:
        BackendError: when rapidfuzz is not installed.

    Example:
        >>> distance = EditDistance()
        >>> distance.update_state("the cat sat on the mat".split(), "the cat sat on mat".split())
        >>> round(float(distance.result()), 3)
        0.167
    """

    def __init__(
        self, normalize: bool = True, dtype: Any = "float32", name: str = "edit_distance"
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.normalize = normalize
        self._distance = evaluation_package("rapidfuzz.distance").Levenshtein.distance
        self.changes = self._count("changes")
        self.total = self._count("total")

    def _count(self, name: str) -> Any:
        return self.add_variable(shape=(), initializer="zeros", dtype="int32", name=name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds texts, each with its reference."""
        refuse_weights(sample_weight)
        references, texts = _rows(y_true), _rows(y_pred)
        if len(references) != len(texts):
            raise DataError(f"Got {len(texts)} texts, but {len(references)} references")
        pairs = zip(references, texts, strict=True)
        self.changes.assign_add(sum(self._distance(*pair) for pair in pairs))
        self.total.assign_add(sum(map(len, references)) if self.normalize else len(references))

    def result(self) -> Any:
        """Returns the distance of what was seen since the last reset; 0 if nothing was."""
        total = ops.maximum(ops.cast(self.total, "float32"), 1.0)
        return ops.cast(ops.cast(self.changes, "float32") / total, self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        return {**super().get_config(), "normalize": self.normalize}


def _rows(value: Any) -> list[list[Any]]:
    """The tokens of each text."""
    tokens = to_lists(value)
    if not isinstance(tokens, list):
        raise DataError(f"Got {tokens!r:.80}; expected tokens, as [length] or [batch, length]")
    rows = tokens if any(isinstance(token, list) for token in tokens) else [tokens]
    if any(rank(row) != 1 for row in rows):
        raise DataError("Got tokens that are nested otherwise than [length] or [batch, length]")
    return rows
