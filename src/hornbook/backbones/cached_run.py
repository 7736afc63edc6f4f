"""A run of tokens through layers with a cache: which keys it sees, and what it leaves behind.

A key at position p stands in slot p of a layer's cache. A layer with a window keeps only the last
keys of each row, in a ring: the key at p stands in slot p modulo the slots, so that it takes the
place of one that no query will see again. Which position a slot holds follows from the row's own,
and so does what is visible; nothing else is stored. While the slots are as many as the positions,
both are the same.

A run whose oldest token would miss a key that the newest overwrites, as a prompt does, sees the
ring and its own keys side by side, and afterwards each row's last real ones are kept. So padding
never takes the place of a key.
"""

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from hornbook.layers.attention_mask import visible_keys, visible_positions
from hornbook.layers.kv_cache import replace_slots
from hornbook.layers.positions import AlibiKeys, token_positions
from hornbook.layers.transformer_layer import TransformerLayer

Entry = tuple[Any, Any]
SLOTS_MULTIPLE = 8
"""Rings have a multiple of this many slots, which suits the kernels of accelerators."""


def window_slots(window: int | None, max_length: int, ahead: int = 0) -> int:
    """The slots of a layer's cache for rows of up to `max_length` tokens.

    Args:
        window: how many of the last positions a query sees; None for all.
        max_length: the tokens that a row may have.
        ahead: how many tokens a step runs at most behind its first one. Those that turn out wrong
            have taken the places of older keys, which the right one sees.

    Example:
        >>> window_slots(None, 500), window_slots(128, 500), window_slots(128, 500, ahead=4)
        (500, 128, 136)
    """
    if window is None:
        return max_length
    return min(max_length, -(-(window + ahead) // SLOTS_MULTIPLE) * SLOTS_MULTIPLE)


def ring_positions(ends: Any, slots: int) -> Any:
    """The positions of the keys in a ring: int32 [batch, slots], below 0 where there is none.

    Args:
        ends: int32 [batch], the position after the newest key of each row.
        slots: of the ring.

    Example:
        >>> ring_positions(ops.array([6, 2], dtype="int32"), 4).tolist()
        [[4, 5, 2, 3], [0, 1, -2, -1]]
    """
    newest = ops.expand_dims(ends, 1) - 1
    return newest - ops.mod(newest - ops.arange(slots, dtype="int32"), slots)


@dataclass(frozen=True)
class _View:
    """What the layers see whose caches are alike.

    Attributes:
        mask: bool [batch or 1, 1, length, keys].
        bias: of the attention scores, or None.
        slots: those that new keys are written to before attention; None where they stay beside.
        sources: int32 [batch, slots], the new keys that are kept then; below 0 the slot's own.
    """

    mask: Any
    bias: Any
    slots: Any = None
    sources: Any = None


class CachedRun:
    """A run of tokens, each row's from its own position on.

    Args:
        shape: (batch, length).
        positions: int32 [batch], or None where the rows begin and the cache is empty.
        lengths: int32 [batch], the tokens of each row, behind which is padding; None for all these.
        position_bias: the bias of attention scores for keys at given positions, or None.

    Attributes:
        places: int32 [batch or 1, length], the positions of the tokens.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        positions: Any,
        lengths: Any = None,
        position_bias: AlibiKeys | None = None,
    ) -> None:
        batch, self._length = shape
        self._begins = positions is None
        if positions is None:
            self._positions = ops.zeros((batch,), dtype="int32")
            self.places = token_positions(self._length)
        else:
            self._positions = ops.cast(positions, "int32")
            self.places = self._positions[:, None] + token_positions(self._length)
        self._lengths = lengths
        self._position_bias = position_bias
        self._views: dict[tuple[int | None, int], _View] = {}

    def call(self, layer: TransformerLayer, x: Any, rope: Any, entry: Entry) -> tuple[Any, Entry]:
        """Runs a layer; gives its outputs and its cache as it is then."""
        key = (layer.attention.window, entry[0].shape[2])
        if key not in self._views:
            self._views[key] = self._view(*key)
        view = self._views[key]
        if view.sources is None:
            return layer(
                x, view.mask, rope, entry, view.slots, attention_bias=view.bias,
                is_causal=self._begins,
            )  # fmt: skip
        past = tuple(table[:, :, :0] for table in entry) if self._begins else entry
        x, new = layer(
            x, view.mask, rope, attention_bias=view.bias, past=past, is_causal=self._begins
        )
        keys, values = (
            replace_slots(*tables, view.sources) for tables in zip(entry, new, strict=True)
        )
        return x, (keys, values)

    def _view(self, window: int | None, slots: int) -> _View:
        if window is None or slots < window:
            mask = visible_keys(self.places, slots, window=window)
            return _View(mask, self._bias(token_positions(slots)), self._positions)
        if self._lengths is None and self._length <= slots - window + 1:
            places = ring_positions(self._positions + self._length, slots)
            written = self.places if self._length > 1 else self._positions
            written = ops.cast(ops.mod(written, slots), _index_dtype())
            return self._seen(window, places, slots=written)
        places = self.places
        if not self._begins:
            places = ops.concatenate([ring_positions(self._positions, slots), places], axis=1)
        ends = self._positions + self._length
        if self._lengths is not None:
            lengths = ops.cast(self._lengths, "int32")
            ends = ops.minimum(ends, ops.maximum(lengths, self._positions))
        kept = ring_positions(ends, slots)
        return self._seen(window, places, sources=kept - self._positions[:, None])

    def _seen(self, window: int, key_positions: Any, **entries: Any) -> _View:
        mask = visible_positions(self.places, key_positions, window)
        return _View(mask, self._bias(key_positions), **entries)

    def _bias(self, key_positions: Any) -> Any:
        return None if self._position_bias is None else self._position_bias(key_positions)


def _index_dtype() -> str:
    # torch writes several tokens of a single row by indices of 64 bits alone.
    return "int64" if keras.backend.backend() == "torch" else "int32"
