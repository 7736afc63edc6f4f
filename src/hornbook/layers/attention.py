"""Attention to the inputs or to a memory, with a cache or without."""

from typing import Any

import keras
from keras import ops

from hornbook.layers.dot_product_attention import dot_product_attention
from hornbook.layers.kv_cache import write_kv
from hornbook.layers.linear import Linear
from hornbook.layers.linear_group import Group, linear_products
from hornbook.layers.rope import rotate


def even_head_dim(hidden_dim: int, num_heads: int) -> int:
    """The width of one head where the heads share the hidden states' width evenly.

    Raises:
        ValueError: when they can't.
    """
    if hidden_dim % num_heads:
        raise ValueError(f"hidden_dim={hidden_dim} must be a multiple of num_heads={num_heads}.")
    return hidden_dim // num_heads


@keras.saving.register_keras_serializable(package="hornbook")
class Attention(keras.layers.Layer):
    """Multi-head attention with grouped keys and values, rotary positions and a cache.

    Variables stand under `query`, `key`, `value` and `output`, each a `Linear`.

    Call arguments:
        inputs: [batch, length, hidden_dim].
        attention_mask: bool, broadcastable to [batch, 1, length, keys].
        rope: `(cos, sin)` of the inputs' positions, or None.
        cache: `(key, value)`, each [batch, kv_heads, slots, head_dim], or None.
        positions: int32 [batch], the slot of each row's first token; None with a cache reads the
            cache and writes nothing.
        memory: [batch, keys, features], what is attended to; None for the inputs themselves.

    Returns:
        [batch, length, output_dim]; with a cache, that and the updated cache.

    Example:
        >>> import numpy as np
        >>> layer = Attention(num_query_heads=4, num_key_value_heads=2, head_dim=6)
        >>> layer(np.ones((1, 3, 24), "float32")).shape
        (1, 3, 24)
    """

    def __init__(
        self,
        num_query_heads: int,
        num_key_value_heads: int,
        head_dim: int,
        *,
        value_head_dim: int | None = None,
        output_dim: int | None = None,
        use_bias: bool = True,
        output_bias: bool | None = None,
        window: int | None = None,
        scale: float | None = None,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # a cache may have a dtype of its own
        self.supports_masking = True
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                f"num_query_heads={num_query_heads} must be a multiple of "
                f"num_key_value_heads={num_key_value_heads}."
            )
        self.num_query_heads = num_query_heads
        self.num_key_value_heads = num_key_value_heads
        self.head_dim = head_dim
        self.value_head_dim = head_dim if value_head_dim is None else value_head_dim
        self.output_dim = output_dim
        self.window = window
        self.scale = head_dim**-0.5 if scale is None else scale
        self.use_bias = use_bias
        self.output_bias = use_bias if output_bias is None else output_bias
        self.dropout_rate = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.query = self._project(num_query_heads * head_dim, use_bias, "query")
        self.key = self._project(num_key_value_heads * head_dim, use_bias, "key")
        self.value = self._project(num_key_value_heads * self.value_head_dim, use_bias, "value")
        self.dropout = keras.layers.Dropout(dropout, name="dropout") if dropout else None

    def build(
        self, inputs_shape: tuple[Any, ...], memory_shape: tuple[Any, ...] | None = None
    ) -> None:
        self._has_memory = memory_shape is not None
        self.query.build(inputs_shape)
        self.key.build(memory_shape or inputs_shape)
        self.value.build(memory_shape or inputs_shape)
        width = self.output_dim or inputs_shape[-1]
        self.output_projection = self._project(width, self.output_bias, "output")
        self.output_projection.build((None, None, self.num_query_heads * self.value_head_dim))

    @property
    def linear_groups(self) -> tuple[Group, ...]:
        """What is multiplied by the same inputs."""
        return () if self._has_memory else ((self.query, self.key, self.value),)

    def call(
        self,
        inputs: Any,
        attention_mask: Any = None,
        rope: tuple[Any, Any] | None = None,
        cache: tuple[Any, Any] | None = None,
        positions: Any = None,
        memory: Any = None,
        training: bool | None = None,
    ) -> Any:
        writes = cache is None or positions is not None
        if writes and memory is None:
            query, key, value = linear_products(inputs, (self.query, self.key, self.value))
        else:
            query = self.query(inputs)
            key, value = (self.key(memory), self.value(memory)) if writes else (None, None)
        query = _heads(query, self.num_query_heads, rope)
        if writes:
            key = ops.transpose(_heads(key, self.num_key_value_heads, rope), (0, 2, 1, 3))
            value = ops.transpose(_heads(value, self.num_key_value_heads), (0, 2, 1, 3))
            if cache is not None:
                cache = (write_kv(cache[0], key, positions), write_kv(cache[1], value, positions))
        if cache is not None:
            key, value = cache
        outputs = dot_product_attention(
            query, key, value, attention_mask, scale=self.scale,
            dropout=self.dropout if training else None,
        )  # fmt: skip
        outputs = self.output_projection(outputs)
        return outputs if cache is None else (outputs, cache)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_query_heads": self.num_query_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "head_dim": self.head_dim,
            "value_head_dim": self.value_head_dim,
            "output_dim": self.output_dim,
            "use_bias": self.use_bias,
            "output_bias": self.output_bias,
            "window": self.window,
            "scale": self.scale,
            "dropout": self.dropout_rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }

    def _project(self, units: int, use_bias: bool, name: str) -> Linear:
        return Linear(
            units, use_bias, self.kernel_initializer, self.bias_initializer, name=name,
            dtype=self.dtype_policy,
        )  # fmt: skip


def _heads(inputs: Any, heads: int, rope: tuple[Any, Any] | None = None) -> Any:
    batch, length, features = ops.shape(inputs)
    outputs = ops.reshape(inputs, (batch, length, heads, features // heads))
    return outputs if rope is None else rotate(outputs, rope)
