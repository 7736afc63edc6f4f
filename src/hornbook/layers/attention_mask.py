"""Which key positions each query position may attend to."""

from typing import Any

import keras
from keras import ops

from hornbook.layers.positions import token_positions


def visible_keys(query_positions: Any, num_keys: Any, *, window: int | None = None) -> Any:
    """Says which keys a causal query sees: those at or before its own position.

    Args:
        query_positions: int32 [batch or 1, queries].
        num_keys: how many keys there are; key i stands at position i.
        window: how many of the last positions (its own included) a query sees; None for all.

    Returns:
        bool [batch or 1, 1, queries, keys].
    """
    queries = ops.expand_dims(ops.cast(query_positions, "int32"), -1)
    keys = ops.arange(num_keys, dtype="int32")
    visible = keys <= queries
    if window is not None:
        visible = ops.logical_and(visible, keys > queries - window)
    return ops.expand_dims(visible, 1)


@keras.saving.register_keras_serializable(package="hornbook")
class AttentionMask(keras.layers.Layer):
    """Combines padding with causality into the mask that attention layers take.

    Call arguments: `padding_mask` [batch, length], true on real tokens. Returns bool
    [batch, 1, length or 1, length].

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
        real = ops.cast(padding_mask, "bool")[:, None, None, :]
        if not self.causal:
            return real
        length = ops.shape(padding_mask)[1]
        causal = visible_keys(token_positions(length), length, window=self.window)
        return ops.logical_and(real, causal)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "causal": self.causal, "window": self.window}
