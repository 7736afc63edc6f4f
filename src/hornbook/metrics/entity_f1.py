"""F1 of entities: how many are found with the right type and the right borders."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from hornbook.errors import DataError
from hornbook.metrics.entity_tags import Entity, Scheme, check_scheme, entities
from hornbook.metrics.text_values import rank, to_lists

Average = Literal["micro", "macro", "weighted"]


@keras.saving.register_keras_serializable(package="hornbook")
class EntityF1(keras.metrics.Metric):
    """Computes the F1 of entities, which tags such as "B-PER" mark, one a word.

    An entity counts when its type and both borders are right, as in Tjong Kim Sang and De Meulder,
    "Introduction to the CoNLL-2003 Shared Task" (2003); the numbers are seqeval's. It works on
    values, so it runs outside of compiled steps only.

    Args:
        labels: the tags' names by their ids, for tags that are given as ids or scores.
        average: "micro" counts the entities of all types together; "macro" is the mean of the
            types' own F1, "weighted" the same by how many entities there are of each.
        scheme: "IOB2" or "IOBES" holds predictions to the scheme, as seqeval's strict mode does;
            None reads both leniently. See `hornbook.metrics.entities`.
        dtype: the dtype of the result.
        name: the metric's name in logs.

    `update_state` takes `y_true` and `y_pred`: tags [length] or [batch, length], where rows may
    differ in length: strings, or with `labels` ids, or for `y_pred` scores
    [batch, length, labels]. Where a tag of `y_true` is an id below 0, or `sample_weight`
    [batch, length] is 0, there is no word.

    Example:
        >>> f1 = EntityF1()
        >>> f1.update_state([["B-PER", "I-PER", "O", "B-LOC"]], [["B-PER", "O", "O", "B-LOC"]])
        >>> float(f1.result())
        0.5
        >>> f1.report()["LOC"]["f1"]
        1.0
    """

    def __init__(
        self,
        labels: Sequence[str] | None = None,
        average: Average = "micro",
        scheme: Scheme | None = None,
        dtype: Any = "float32",
        name: str = "entity_f1",
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in ("micro", "macro", "weighted"):
            raise DataError(f"average is {average!r}; expected 'micro', 'macro' or 'weighted'")
        check_scheme(scheme)
        self.labels = None if labels is None else list(labels)
        self.average = average
        self.scheme = scheme
        self.reset_state()

    def reset_state(self) -> None:
        """Forgets all entities; which types there will be isn't known."""
        self._counts = _Counts()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds texts, each with its tags."""
        weights = None if sample_weight is None else _rows(sample_weight)
        references, predictions = _rows(y_true), _rows(y_pred, self.labels is not None)
        weights = weights or [[1] * len(row) for row in references]
        if [len(row) for row in references] != [len(row) for row in predictions]:
            raise DataError("The predicted tags are not as many as the true ones, text by text")
        for reference, prediction, weight in zip(references, predictions, weights, strict=True):
            kept = [
                (true, guess)
                for true, guess, counts in zip(reference, prediction, weight, strict=True)
                if counts and (isinstance(true, str) or true >= 0)
            ]
            expected = set(entities([self._tag(true) for true, _ in kept], self.scheme))
            found = set(entities([self._tag(guess) for _, guess in kept], self.scheme))
            self._counts.add(expected, found)

    def _tag(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if self.labels is None or not 0 <= int(value) < len(self.labels):
            raise DataError(f"Got the tag {value}; give EntityF1 the names of all tags, `labels`")
        return self.labels[int(value)]

    def result(self) -> Any:
        """Returns the F1 of what was seen since the last reset; 0 if there was no entity."""
        types = self.report()
        total = types.pop("all")
        supports = [row["support"] for row in types.values()]
        value = total["f1"]
        if self.average != "micro":
            weights = np.array(supports if self.average == "weighted" else [1.0] * len(types))
            scores = np.array([row["f1"] for row in types.values()])
            value = float((scores * weights).sum() / max(weights.sum(), 1.0))
        return ops.convert_to_tensor(value, dtype=self.dtype)

    def report(self) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and the number of true entities, for each type and for "all"."""
        counts = self._counts
        rows = {
            label: _scores(counts.right[label], counts.found[label], counts.expected[label])
            for label in sorted(counts.expected.keys() | counts.found.keys())
        }
        totals = (each.total() for each in (counts.right, counts.found, counts.expected))
        return {**rows, "all": _scores(*totals)}

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        own: Mapping[str, Any] = {
            "labels": self.labels,
            "average": self.average,
            "scheme": self.scheme,
        }
        return {**super().get_config(), **own}


class _Counts:
    """How many entities of each type there are, and were found; Keras tracks no other object's."""

    def __init__(self) -> None:
        self.expected: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.right: Counter[str] = Counter()

    def add(self, expected: set[Entity], found: set[Entity]) -> None:
        """Counts a text's entities."""
        self.expected.update(entity.label for entity in expected)
        self.found.update(entity.label for entity in found)
        self.right.update(entity.label for entity in expected & found)


def _scores(right: int, found: int, expected: int) -> dict[str, float]:
    return {
        "precision": right / max(found, 1),
        "recall": right / max(expected, 1),
        "f1": 2 * right / max(found + expected, 1),
        "support": expected,
    }


def _rows(value: Any, may_be_scores: bool = False) -> list[list[Any]]:
    """The tags of each text; of scores, the greatest one's id."""
    tags = to_lists(value)
    if may_be_scores and rank(tags) == 3:
        return [[int(np.argmax(scores)) for scores in row] for row in tags]
    rows = tags if rank(tags) == 2 or not tags else [tags]
    if not isinstance(rows, list) or any(rank(row) != 1 for row in rows):
        raise DataError("Expected tags, as [length] or [batch, length]")
    return rows
