"""Text augmentation by deleting tokens."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from hornbook.preprocessing.augmentation import Augmentation, Skip
from hornbook.preprocessing.random_choice import choose, draw_counts
from hornbook.preprocessing.token_rows import TokenRows


@keras.saving.register_keras_serializable(package="hornbook")
class RandomDeletion(Augmentation):
    """Deletes random tokens of each row.

    Follows `keras_nlp.layers.RandomDeletion` and EDA (Wei and Zou 2019, "EDA: Easy Data
    Augmentation Techniques for Boosting Performance on Text Classification Tasks").

    Args:
        rate: the probability that a token is deleted.
        max_deletions: the most tokens to delete in a row; None for no limit.
        skip_list: tokens that are never deleted.
        skip_fn: takes a token and says whether it is kept, in operations of TensorFlow that a
            graph can hold; without TensorFlow's tensors, it is given ids and strings.
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
        >>> deletion = RandomDeletion(rate=1.0, max_deletions=1, skip_list=["keras"], seed=1)
        >>> deletion([["keras", "is"], ["fun"]])
        [array(['keras'], dtype=object), array([], dtype=object)]
    """

    same_lengths = False

    def __init__(
        self,
        rate: float,
        max_deletions: int | None = None,
        skip_list: Sequence[int] | Sequence[str] | None = None,
        skip_fn: Skip = None,
        skip_py_fn: Skip = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = False,
    ) -> None:
        super().__init__(
            rate, max_deletions, skip_list, skip_fn, skip_py_fn, seed, name, dtype, trainable
        )
        self.max_deletions = max_deletions

    def _changed(self, rows: TokenRows, candidates: np.ndarray) -> TokenRows:
        counts = draw_counts(self._rng, rows.count(candidates), self.rate, self._most)
        return rows.keep(~choose(self._rng, rows, candidates, counts))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_deletions": self.max_deletions}
