"""Tokens of the prompt that a mask holds against the sampler."""

from dataclasses import dataclass, replace
from typing import Any

from keras import ops

from hornbook.samplers.rows import Rows


@dataclass(frozen=True)
class HeldTokens:
    """Keeps the tokens of the prompt that a mask holds.

    Attributes:
        tokens: int [rows, places], the prompts.
        mask: bool [rows, places].
        stop_token_ids: int [1, any].
    """

    tokens: Any
    mask: Any
    stop_token_ids: Any

    def only_held(self, logits: Any, index: Any) -> Any:
        """Logits that leave no choice in rows whose token at `index` is held."""
        is_it = ops.arange(logits.shape[-1]) == self._column(self.tokens, index)
        only = ops.where(is_it, ops.zeros_like(logits), -float("inf"))
        return ops.where(self._column(self.mask, index), only, logits)

    def without_stops(self, rows: Rows, index: Any) -> Rows:
        """The rows, of which none stops after a token that is held at `index`."""
        stops = ops.where(self._column(self.mask, index), -1, self.stop_token_ids)
        return replace(rows, stop_token_ids=stops)

    def restored(self, rows: Rows) -> Rows:
        """The rows with the prompt's tokens where they are held."""
        return replace(rows, tokens=ops.where(self.mask, self.tokens, rows.tokens))

    def _column(self, table: Any, index: Any) -> Any:
        return ops.take(table, ops.minimum(index, table.shape[1] - 1), axis=1)[:, None]
