"""Masked language modeling: which tokens a model has to guess."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.random_choice import choose, generator
from hornbook.preprocessing.token_layer import Result, TokenLayer, check_rate
from hornbook.preprocessing.token_rows import TokenRows

NAMES = ("token_ids", "mask_positions", "mask_ids", "mask_weights")


@keras.saving.register_keras_serializable(package="hornbook")
class MaskedLMMaskGenerator(TokenLayer):
    """Hides some tokens of each row, for a model to guess.

    Follows `keras_nlp.layers.MaskedLMMaskGenerator` and BERT (Devlin et al. 2018): of the selected
    tokens, most become the mask token, some a random token, and the others stay.

    Args:
        vocabulary_size: random tokens are drawn from ids below it.
        mask_selection_rate: the share of a row's tokens to select, rounded up.
        mask_token_id: what hides a token.
        mask_selection_length: the most tokens of a row to select, and the width of the results
            about them; None leaves these ragged.
        unselectable_token_ids: ids that are never selected, such as padding and special tokens.
        mask_token_rate: the share of selected tokens that become the mask token.
        random_token_rate: the share that becomes a random token.
        seed: makes results repeatable, as long as calls come in the same order, which a parallel
            `tf.data.Dataset.map` doesn't promise; None takes one from numpy's global state, which
            `keras.utils.set_random_seed` sets.
        name: a name of one's own.
        dtype: an integer type, or "string"; tokens keep the type that they come in.
        trainable: of no effect, as there are no weights.

    Raises:
        DataError: when a rate is no share, or the two rates of tokens exceed 1 together.

    Example:
        >>> masker = MaskedLMMaskGenerator(10, 0.5, mask_token_id=1, mask_token_rate=1.0,
        ...     random_token_rate=0.0, mask_selection_length=3, seed=1)
        >>> masked = masker([5, 6, 7, 8])
        >>> int((masked["token_ids"] == 1).sum()), masked["mask_weights"].tolist()
        (2, [1.0, 1.0, 0.0])
    """

    random = True

    def __init__(
        self,
        vocabulary_size: int,
        mask_selection_rate: float,
        mask_token_id: int,
        mask_selection_length: int | None = None,
        unselectable_token_ids: Sequence[int] | None = (0,),
        mask_token_rate: float = 0.8,
        random_token_rate: float = 0.1,
        seed: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = False,
    ) -> None:
        super().__init__(name, dtype, trainable)
        if mask_token_rate + random_token_rate > 1:
            raise DataError(
                f"mask_token_rate {mask_token_rate} and random_token_rate {random_token_rate} make "
                "more than 1 together"
            )
        self.vocabulary_size = vocabulary_size
        self.mask_selection_rate = check_rate("mask_selection_rate", mask_selection_rate)
        self.mask_token_id = mask_token_id
        self.mask_selection_length = mask_selection_length
        self.unselectable_token_ids = list(unselectable_token_ids or ())
        self.mask_token_rate = check_rate("mask_token_rate", mask_token_rate)
        self.random_token_rate = check_rate("random_token_rate", random_token_rate)
        self.seed = seed
        self._rng = generator(seed)

    def __call__(self, inputs: Any) -> dict[str, Any]:
        """Masks rows.

        Args:
            inputs: token ids [length] or [batch, length]; rows may differ in length.

        Returns:
            `token_ids` like the input, and of each selected token `mask_positions` (int32),
            `mask_ids` (the token that was there) and `mask_weights` (float32, 1, or 0 where rows
            are filled up), each [batch, mask_selection_length], or ragged without that length.

        Raises:
            DataError: when the input isn't rows of token ids.
        """
        width = self.mask_selection_length
        results = [
            Result(same_lengths=True),
            Result("int32", width),
            Result(None, width),
            Result("float32", width),
        ]
        return dict(zip(NAMES, self._run(self._masked, [inputs], results), strict=True))

    def _masked(self, segments: Sequence[TokenRows]) -> list[np.ndarray | TokenRows]:
        (rows,) = segments
        if rows.values.dtype.kind == "O":
            raise DataError("Got strings; expected token ids")
        selectable = ~np.isin(rows.values, self.unselectable_token_ids)
        # Rounding first keeps 0.15 * 20 from being more than 3.
        counts = np.ceil(np.round(rows.count(selectable) * self.mask_selection_rate, 9))
        if self.mask_selection_length is not None:
            counts = np.minimum(counts, self.mask_selection_length)
        selected = choose(self._rng, rows, selectable, counts)
        about = [
            rows.with_values(rows.positions.astype(np.int32)).keep(selected),
            rows.keep(selected),
            rows.with_values(np.ones(len(rows.values), np.float32)).keep(selected),
        ]
        width = self.mask_selection_length
        tables = about if width is None else [kept.table(width) for kept in about]
        return [rows.with_values(self._hidden(rows.values, selected)), *tables]

    def _hidden(self, tokens: np.ndarray, selected: np.ndarray) -> np.ndarray:
        tokens = tokens.copy()
        (places,) = np.nonzero(selected)
        fate = self._rng.random(len(places))
        random = self._rng.integers(self.vocabulary_size, size=len(places), dtype=np.int64)
        masked = fate < self.mask_token_rate
        replaced = ~masked & (fate < self.mask_token_rate + self.random_token_rate)
        tokens[places[masked]] = self.mask_token_id
        tokens[places[replaced]] = random[replaced]
        return tokens

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "mask_selection_rate": self.mask_selection_rate,
            "mask_token_id": self.mask_token_id,
            "mask_selection_length": self.mask_selection_length,
            "unselectable_token_ids": self.unselectable_token_ids,
            "mask_token_rate": self.mask_token_rate,
            "random_token_rate": self.random_token_rate,
            "seed": self.seed,
        }
