"""Which key positions each query position may attend to."""

from typing import Any

import keras
from keras import ops

from hornbook.layers.positions import token_positions
from hornbook.layers.unpadding import UnpaddedRows


def visible_keys(query_positions: Any, num_keys: Any, *, window: int | None = None) -> Any:
    """Says which keys a causal query sees: those at or before its own position.

    Args:
        query_positions: int32 [batch or 1, queries].
        num_keys: how many keys there are; key i stands at position i.
        window: how many of the last positions (its own included) a query sees; None for all.

    Returns:
        bool [batch or 1, 1, queries, keys].
    """
    return visible_positions(query_positions, token_positions(num_keys), window)


def visible_positions(query_positions: Any, key_positions: Any, window: int | None = None) -> Any:
    """Says which keys a causal query sees, wherever the keys stand.

    Args:
        query_positions: int32 [batch or 1, queries].
        key_positions: int32 [batch or 1, keys]; with a window, nothing is seen below 0.
        window: as of `visible_keys`.

    Returns:
        bool [batch or 1, 1, queries, keys].
    """
    queries = ops.expand_dims(ops.cast(query_positions, "int32"), -1)
    keys = ops.expand_dims(key_positions, 1)
    visible = keys <= queries
    if window is not None:
        visible = ops.logical_and(visible, keys > ops.maximum(queries - window, -1))
    return ops.expand_dims(visible, 1)


def nearby_keys(length: Any, window: int) -> Any:
    """Says which keys a query sees that looks to both sides: bool [1, 1, length, length].

    Args:
        length: how many queries and keys there are.
        window: how many positions it sees before its own, and as many behind it.
    """
    positions = ops.arange(length, dtype="int32")
    return (ops.abs(positions[:, None] - positions) <= window)[None, None]


@keras.saving.register_keras_serializable(package="hornbook")
class AttentionMask(keras.layers.Layer):
    """Combines padding with causality into the mask that attention layers take.

    A causal `window` is how many of the last positions a query sees, its own included; otherwise
    it is how many it sees to each side (Beltagy et al., "Longformer", 2020).

    Call arguments: `padding_mask` [batch, length], true on real tokens. Returns bool
    [batch, 1, length or 1, length]. Of `UnpaddedRows` it makes those with the window.

    Example:
        >>> import numpy as np
        >>> AttentionMask(causal=True)(np.array([[1, 1, 0]], bool))[0, 0].tolist()
        [[True, False, False], [True, True, False], [True, True, False]]
    """

    def __init__(self, causal: bool, window: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.causal = causal
        self.window = window

    def call(self, padding_mask: Any) -> Any:
        if isinstance(padding_mask, UnpaddedRows):
            return padding_mask.within(self.window)
        real = ops.cast(padding_mask, "bool")[:, None, None, :]
        length = ops.shape(padding_mask)[1]
        if not self.causal:
            near = None if self.window is None else nearby_keys(length, self.window)
            return real if near is None else ops.logical_and(real, near)
        causal = visible_keys(token_positions(length), length, window=self.window)
        return ops.logical_and(real, causal)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "causal": self.causal, "window": self.window}
