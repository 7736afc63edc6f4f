"""Rows that a model computes anew, from their first token on, once they are longer than a border.

What such a model does to a token depends on how long its sequence is, so that what a cache holds of
a shorter one is not what the longer one needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from hornbook.generation.insertion import insert
from hornbook.generation.state import Cache, GenerationState


@dataclass(frozen=True)
class Restarts:
    """When and how rows are computed anew.

    Attributes:
        borders: lengths; a row that becomes longer than one of them is computed anew.
        run: runs right-padded prompts [rows, places] of lengths int32 [rows], and gives the cache.
    """

    borders: tuple[int, ...]
    run: Callable[[np.ndarray, np.ndarray], Cache]

    def steps(self, lengths: np.ndarray, ahead: int = 0) -> int | None:
        """How many steps can be taken before a row has to be computed anew; None if any number.

        Args:
            lengths: int [rows], the tokens of each row, the one to be run next included.
            ahead: guesses that a step runs at once after that one.

        Returns:
            At most 0 where a step's tokens would stand on both sides of a border.
        """
        left = [
            (border - length - ahead) // (1 + ahead) + 1
            for border in self.borders
            for length in lengths.tolist()
            if length <= border
        ]
        return min(left, default=None)

    def crossed(self, length: int) -> bool:
        """Whether the next token to be run makes a row longer than a border."""
        return length - 1 in self.borders

    def restart(
        self, state: GenerationState, slot: int, slots: int, length: int
    ) -> GenerationState:
        """The state with the cache of a slot's rows made anew.

        Args:
            state: of all slots; it must not be used again.
            slot: which one.
            slots: how many there are.
            length: the tokens of its rows, the one to be run next included.
        """

        def own(tensor: Any) -> Any:
            rows = tensor.shape[0] // slots
            return tensor[slot * rows : (slot + 1) * rows]

        rows, _ = state.parts()
        tokens = np.array(keras.ops.convert_to_numpy(own(state.rows.tokens)))
        cache = self.run(tokens, np.full(len(tokens), length, np.int32))
        new = GenerationState.from_parts((keras.tree.map_structure(own, rows), cache))
        return insert(state, new, slot)
