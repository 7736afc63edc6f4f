"""Texts in memory as batches of one shape."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing import Preprocessor
from hornbook.preprocessing.text_columns import split_columns

DEFAULT_BATCH_SIZE = 32


class TextBatches(keras.utils.PyDataset):
    """Batches of texts, tokenized when they are asked for.

    Rows are dealt evenly: 100 texts at a batch size of 32 make four batches of 25, where 32, 32,
    32 and 4 would give the last four texts eight times the weight of others in the loss and in
    `fit`'s logs. Where 101 texts make batches of 26 and 25, a preprocessor that weighs tokens
    itself gets a row of weight zero to fill the smaller ones: a step is compiled for one shape.

    Asking for batch 0 begins a new pass, in a new order if there is a seed.

    Args:
        preprocessor: what turns a batch of text into arrays.
        x: texts, or pairs, as the preprocessor takes them.
        y: labels, an array or a dict of arrays with one entry a text.
        sample_weight: one weight a text.
        batch_size: the greatest number of texts in a batch.
        seed: of the order; None keeps the given order.

    Raises:
        DataError: when there is no text, or not one label or weight for each.
    """

    def __init__(
        self,
        preprocessor: Preprocessor,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.preprocessor = preprocessor
        self.columns, _ = split_columns(x)
        self.rows = len(self.columns[0])
        self.y = _columns(np.asarray, y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        self._check(batch_size)
        batches = -(-self.rows // (batch_size or DEFAULT_BATCH_SIZE))
        self._bounds = np.linspace(0, self.rows, batches + 1).astype(int)
        self._largest = int(np.diff(self._bounds).max())
        self._generator = None if seed is None else np.random.default_rng(seed)
        self._order = np.arange(self.rows)

    def _check(self, batch_size: int | None) -> None:
        if batch_size is not None and batch_size < 1:
            raise DataError(f"batch_size is {batch_size}; expected 1 or more")
        if self.rows == 0:
            raise DataError("Got an empty list of texts; expected at least one")
        given = {"labels": self.y, "sample weights": self.sample_weight}
        for name, value in given.items():
            for array in keras.tree.flatten(value):
                if array is not None and (array.ndim == 0 or len(array) != self.rows):
                    raise DataError(
                        f"Got {self.rows} texts and {name} of shape {array.shape}; expected one "
                        "entry for each text"
                    )

    @property
    def num_batches(self) -> int:
        return len(self._bounds) - 1

    def __len__(self) -> int:
        return self.num_batches

    def __getitem__(self, index: int) -> Any:
        if index == 0 and self._generator is not None:
            self._order = self._generator.permutation(self.rows)
        chosen = self._order[self._bounds[index] : self._bounds[index + 1]]
        fill = self._largest - len(chosen) if self.preprocessor.makes_labels else 0
        weights = None if self.sample_weight is None else self.sample_weight[chosen]
        if fill:
            weights = np.ones(len(chosen)) if weights is None else weights
            weights = np.concatenate([weights, np.zeros(fill)])
            chosen = np.concatenate([chosen, np.repeat(chosen[:1], fill)])
        columns = tuple([column[row] for row in chosen.tolist()] for column in self.columns)
        labels = _columns(lambda array: array[chosen], self.y)
        return self.preprocessor(columns[0] if len(columns) == 1 else columns, labels, weights)


def _columns(function: Callable[[Any], np.ndarray], y: Any) -> Any:
    """Applies a function to labels, or to each of several kept in a dict."""
    if isinstance(y, Mapping):
        return {name: function(column) for name, column in y.items()}
    return None if y is None else function(y)
