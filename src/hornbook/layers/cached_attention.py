"""Attention with `keras_nlp`'s arguments, and its cache: one tensor for keys and values."""

from typing import Any

import keras
from keras import ops

from hornbook.layers.attention import Attention

Pair = tuple[Any, Any]


def split_cache(cache: Any) -> Pair | None:
    """Takes keys and values [batch, heads, slots, head_dim] out of a cache.

    The cache is [batch, 2, slots, heads, head_dim]; None stays None.
    """
    if cache is None:
        return None
    # A copy: torch writes into what it is given, and the caller's cache is the caller's.
    parts = ops.transpose(cache, (1, 0, 3, 2, 4))
    return ops.copy(parts[0]), ops.copy(parts[1])


def join_cache(pair: Pair) -> Any:
    """The way back from `split_cache`."""
    return ops.transpose(ops.stack(pair, axis=1), (0, 1, 3, 2, 4))


def row_positions(inputs: Any, index: Any) -> Any:
    """One position for all rows of `inputs` as int32 [batch]; None stays None."""
    if index is None:
        return None
    return ops.broadcast_to(ops.cast(index, "int32"), (ops.shape(inputs)[0],))


def head_mask(attention_mask: Any) -> Any:
    """Adds the axis of heads to a mask [batch, queries, keys]; None stays None."""
    if attention_mask is None:
        return None
    mask = ops.cast(attention_mask, "bool")
    return mask if len(mask.shape) == 4 else ops.expand_dims(mask, 1)


@keras.saving.register_keras_serializable(package="hornbook")
class CachedMultiHeadAttention(keras.layers.Layer):
    """Multi-head attention that can keep keys and values for the tokens to come.

    Follows `keras_nlp`'s layer; the models here use `Attention`, which it is made of, whose cache
    is never copied.

    Call arguments:
        query: [batch, length, features].
        value: [batch, keys, features]; keys are computed from it too.
        key: not supported apart from `value`; None, or the same tensor.
        attention_mask: bool [batch, length, keys], true where a query may look.
        cache: [batch, 2, slots, heads, key_dim], keys and values.
        cache_update_index: int, where in the cache the new keys and values go; None reads the
            cache as it is.

    Returns:
        [batch, length, output_shape]; with a cache, that and the updated cache.

    Args:
        num_heads: attention heads.
        key_dim: the width of a head's queries and keys.
        value_dim: the width of a head's values; `key_dim` by default.
        dropout: rate on the attention weights, in training.
        use_bias: whether the projections have biases.
        output_shape: the width of the result; that of `query` by default.
        kernel_initializer: of the projections.
        bias_initializer: of their biases.

    Example:
        >>> import numpy as np
        >>> layer = CachedMultiHeadAttention(num_heads=2, key_dim=4)
        >>> x, cache = np.ones((1, 3, 8), "float32"), np.zeros((1, 2, 5, 2, 4), "float32")
        >>> outputs, cache = layer(x, x, cache=cache, cache_update_index=0)
        >>> outputs.shape, cache.shape
        ((1, 3, 8), (1, 2, 5, 2, 4))
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.attention = Attention(
            num_heads,
            num_heads,
            key_dim,
            value_head_dim=value_dim,
            output_dim=output_shape,
            use_bias=use_bias,
            dropout=dropout,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            dtype=self.dtype_policy,
            name="attention",
        )

    def build(
        self,
        query_shape: tuple[int | None, ...],
        value_shape: tuple[int | None, ...] | None = None,
    ) -> None:
        self.attention.build(query_shape, value_shape)

    def call(
        self,
        query: Any,
        value: Any = None,
        key: Any = None,
        attention_mask: Any = None,
        cache: Any = None,
        cache_update_index: Any = None,
    ) -> Any:
        if key is not None and key is not value:
            raise ValueError("Keys are computed from `value`; pass no `key` that differs from it.")
        outputs = self.attention(
            query,
            head_mask(attention_mask),
            cache=split_cache(cache),
            positions=row_positions(query, cache_update_index),
            memory=value,
        )
        if cache is None:
            return outputs
        outputs, pair = outputs
        return outputs, join_cache(pair)

    def get_config(self) -> dict[str, Any]:
        inner = self.attention.get_config()
        renamed = {
            "num_heads": "num_query_heads", "key_dim": "head_dim", "value_dim": "value_head_dim",
            "output_shape": "output_dim",
        }  # fmt: skip
        same = ("dropout", "use_bias", "kernel_initializer", "bias_initializer")
        return {
            **super().get_config(),
            **{ours: inner[name] for ours, name in renamed.items()},
            **{name: inner[name] for name in same},
        }
