"""Masking of batches for masked language modelling, anew each time."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hornbook.errors import DataError, TokenizerError
from hornbook.preprocessing.masked_lm_mask_generator import NAMES, MaskedLMMaskGenerator
from hornbook.preprocessing.random_choice import generator
from hornbook.tokenizers.tokenizer import Tokenizer


class DynamicMasking:
    """Masks padded rows of token ids, other tokens at each call.

    The arguments beside the tokenizer are those of `MaskedLMMaskGenerator`; special tokens are
    never masked.

    Raises:
        DataError: when an argument makes no sense.
        TokenizerError: when the tokenizer has no mask token.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        mask_selection_rate: float,
        mask_selection_length: int | None,
        mask_token_rate: float,
        random_token_rate: float,
        seed: int | None,
    ) -> None:
        if mask_selection_length is not None and mask_selection_length < 1:
            raise DataError(f"mask_selection_length is {mask_selection_length}; expected 1 or more")
        self.settings: dict[str, Any] = {
            "mask_selection_rate": mask_selection_rate,
            "mask_selection_length": mask_selection_length,
            "mask_token_rate": mask_token_rate,
            "random_token_rate": random_token_rate,
            "seed": seed,
        }
        self._tokens = {
            "vocabulary_size": tokenizer.vocabulary_size(),
            "mask_token_id": mask_token_id(tokenizer),
            "unselectable_token_ids": sorted({*tokenizer.special_token_ids, *_padding(tokenizer)}),
        }
        self._rng = generator(seed)
        self._masker(1)  # which checks the rates

    def width(self, length: int) -> int:
        """How many tokens of a row of this length are selected at most."""
        most = math.ceil(round(length * self.settings["mask_selection_rate"], 9))
        limit: int | None = self.settings["mask_selection_length"]
        return max(most if limit is None else limit, 1)

    def __call__(self, token_ids: np.ndarray) -> tuple[np.ndarray, ...]:
        """Masks rows [batch, length].

        Returns:
            The masked rows int32, and of each selected token its position int32, what it was int32
            and its weight float32, each [batch, width(length)], filled up with zeros.
        """
        masked = self._masker(self.width(token_ids.shape[1]))(token_ids)
        return tuple(masked[name] for name in NAMES)

    def _masker(self, width: int) -> MaskedLMMaskGenerator:
        drawn = {"mask_selection_length": width, "seed": int(self._rng.integers(2**31))}
        return MaskedLMMaskGenerator(**{**self._tokens, **self.settings, **drawn})


def mask_token_id(tokenizer: Tokenizer) -> int:
    """The id of the token that hides others.

    Raises:
        TokenizerError: when the tokenizer has none.
    """
    token_id: int | None = tokenizer.mask_token_id
    if token_id is None:
        raise TokenizerError("The tokenizer has no mask_token; name one with special_tokens=")
    return token_id


def with_places_of_masks(features: Mapping[str, Any], tokenizer: Tokenizer) -> dict[str, Any]:
    """An encoder's inputs with `mask_positions`, int32 [batch, masks] or [masks].

    These are where mask tokens stand, filled up with zeros; as many as a row has at most, and at
    least one.
    """
    found = np.asarray(features["token_ids"]) == tokenizer.mask_token_id
    width = max(int(found.sum(axis=-1).max(initial=0)), 1)
    order = np.argsort(~found, axis=-1, kind="stable")[..., :width]
    kept = np.take_along_axis(found, order, axis=-1)
    return {**features, "mask_positions": np.where(kept, order, 0).astype("int32")}


def _padding(tokenizer: Tokenizer) -> tuple[int, ...]:
    return (tokenizer.pad_token_id or 0,)
