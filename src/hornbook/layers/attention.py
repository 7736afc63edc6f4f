"""Self-attention, with a cache or without."""

from typing import Any

import keras
from keras import ops

from hornbook.layers.dot_product_attention import dot_product_attention
from hornbook.layers.kv_cache import write_kv
from hornbook.layers.linear import Linear
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
    """Multi-head self-attention with grouped keys and values, rotary positions and a cache.

    Variables stand under `query`, `key`, `value` and `output`, each a `Linear`.

    Call arguments:
        inputs: [batch, length, hidden_dim].
        attention_mask: bool, broadcastable to [batch, 1, length, keys].
        rope: `(cos, sin)` of the inputs' positions, or None.
        cache: `(key, value)`, each [batch, kv_heads, slots, head_dim], or None.
        positions: int32 [batch], with a cache: the slot of each row's first token.

    Returns:
        [batch, length, hidden_dim]; with a cache, that and the updated cache.

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
        use_bias: bool = True,
        output_bias: bool | None = None,
        window: int | None = None,
        scale: float | None = None,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                f"num_query_heads={num_query_heads} must be a multiple of "
                f"num_key_value_heads={num_key_value_heads}."
            )
        self.num_query_heads = num_query_heads
        self.num_key_value_heads = num_key_value_heads
        self.head_dim = head_dim
        self.window = window
        self.scale = head_dim**-0.5 if scale is None else scale
        self.use_bias = use_bias
        self.output_bias = use_bias if output_bias is None else output_bias
        self.dropout_rate = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        def project(heads: int, name: str) -> Linear:
            return Linear(heads * head_dim, use_bias, kernel_initializer, name=name)

        self.query = project(num_query_heads, "query")
        self.key = project(num_key_value_heads, "key")
        self.value = project(num_key_value_heads, "value")
        self.dropout = keras.layers.Dropout(dropout, name="dropout") if dropout else None

    def build(self, input_shape: tuple[Any, ...]) -> None:
        for projection in (self.query, self.key, self.value):
            projection.build(input_shape)
        self.output_projection = Linear(
            input_shape[-1], self.output_bias, self.kernel_initializer, name="output",
            dtype=self.dtype_policy,
        )  # fmt: skip
        self.output_projection.build((None, None, self.num_query_heads * self.head_dim))

    def call(
        self,
        inputs: Any,
        attention_mask: Any = None,
        rope: tuple[Any, Any] | None = None,
        cache: tuple[Any, Any] | None = None,
        positions: Any = None,
    ) -> Any:
        query = self._heads(self.query(inputs), self.num_query_heads)
        key = self._heads(self.key(inputs), self.num_key_value_heads)
        value = self._heads(self.value(inputs), self.num_key_value_heads)
        if rope is not None:
            query, key = rotate(query, rope), rotate(key, rope)
        key, value = (ops.transpose(x, (0, 2, 1, 3)) for x in (key, value))
        if cache is not None:
            cache = (write_kv(cache[0], key, positions), write_kv(cache[1], value, positions))
            key, value = cache
        outputs = dot_product_attention(
            query, key, value, attention_mask, scale=self.scale, dropout=self.dropout
        )
        outputs = self.output_projection(outputs)
        return outputs if cache is None else (outputs, cache)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_query_heads": self.num_query_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "head_dim": self.head_dim,
            "use_bias": self.use_bias,
            "output_bias": self.output_bias,
            "window": self.window,
            "scale": self.scale,
            "dropout": self.dropout_rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def _heads(self, inputs: Any, heads: int) -> Any:
        batch, length, _ = ops.shape(inputs)
        return ops.reshape(inputs, (batch, length, heads, self.head_dim))
