"""Text augmentation by swapping tokens."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from hornbook.preprocessing.augmentation import Augmentation, Skip
from hornbook.preprocessing.random_choice import draw_counts
from hornbook.preprocessing.token_rows import TokenRows


@keras.saving.register_keras_serializable(package="hornbook")
class RandomSwap(Augmentation):
    """Swaps random tokens of each row.

    Follows `keras_nlp.layers.RandomSwap` and EDA (Wei and Zou 2019, "EDA: Easy Data Augmentation
    Techniques for Boosting Performance on Text Classification Tasks").

    Args:
        rate: the probability that a token is swapped with another one.
        max_swaps: the most swaps in a row; None for no limit.
        skip_list: tokens that stay where they are.
        skip_fn: takes a token and says whether it stays, in operations of TensorFlow that a graph
            can hold; without TensorFlow's tensors, it is given ids and strings.
        skip_py_fn: the same in Python; it is given an int, or a str. Give one of the three only.
        seed: makes results repeatable, as long as calls come in the same order, which a parallel
            `tf.data.Dataset.map` doesn't promise; None takes one from numpy's global state, which
            `keras.utils.set_random_seed` sets.
        name: a name of one's own.
        dtype: an integer type, or "string"; tokens keep the type that they come in.
        trainable: of no effect, as there are no weights.

    Raises:
        DataError: when the rate is no share, or more than one way to skip is given.

    Example:
        >>> swap = RandomSwap(rate=0.5, skip_list=["."], seed=1)
        >>> swapped = swap([["keras", "is", "fun", "."]])[0].tolist()
        >>> sorted(swapped[:3]), swapped[3]
        (['fun', 'is', 'keras'], '.')
    """

    same_lengths = True

    def __init__(
        self,
        rate: float,
        max_swaps: int | None = None,
        skip_list: Sequence[int] | Sequence[str] | None = None,
        skip_fn: Skip = None,
        skip_py_fn: Skip = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = False,
    ) -> None:
        super().__init__(
            rate, max_swaps, skip_list, skip_fn, skip_py_fn, seed, name, dtype, trainable
        )
        self.max_swaps = max_swaps

    def _changed(self, rows: TokenRows, candidates: np.ndarray) -> TokenRows:
        available = rows.count(candidates)
        counts = draw_counts(self._rng, available, self.rate, self._most)
        counts[available < 2] = 0
        (places,) = np.nonzero(candidates)
        starts = np.cumsum(available) - available
        tokens = rows.values.copy()
        for done in range(counts.max(initial=0)):  # one swap in each row that has one left
            (row_ids,) = np.nonzero(counts > done)
            size, start = available[row_ids], starts[row_ids]
            first = self._rng.integers(size)
            second = (first + self._rng.integers(1, size)) % size
            first, second = places[start + first], places[start + second]
            tokens[first], tokens[second] = tokens[second], tokens[first]
        return rows.with_values(tokens)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_swaps": self.max_swaps}
