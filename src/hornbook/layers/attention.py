"""Attention to the inputs or to a memory, with a cache or without."""

from typing import Any, Self

import keras
from keras import ops

from hornbook.layers.dot_product_attention import dot_product_attention
from hornbook.layers.dropout import optional_dropout
from hornbook.layers.kv_cache import as_numbers, as_stored, write_kv
from hornbook.layers.linear import Linear
from hornbook.layers.linear_group import Group, linear_products
from hornbook.layers.rope import rotate

MANY_QUERIES = 16
"""So many are worth a copy of the cache in the dtype that they are computed in."""


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

    Variables stand under `query`, `key`, `value` and `output`, each a `Linear`, and those of norms
    under `query_norm` and `key_norm`.

    Call arguments:
        inputs: [batch, length, hidden_dim].
        attention_mask: bool, broadcastable to [batch, 1, length, keys]; or `UnpaddedRows`.
        rope: `(cos, sin)` of the inputs' positions, or None.
        cache: `(key, value)`, each [batch, kv_heads, slots, head_dim], or None.
        positions: int32 [batch], the slot of each row's first token, or [batch, length], that of
            each; None with a cache reads the cache and writes nothing.
        memory: [batch, keys, features], what is attended to; None for the inputs themselves.
        attention_bias: added to the scores, float, broadcastable to [batch, query_heads, length,
            keys]; or None.
        attention_context: what `relative` is given besides queries and keys.
        past: `(key, value)` as of a cache, with any number of slots, that stand before those of the
            inputs; or None. Without a cache.
        is_causal: whether the mask hides every key behind a query's own place, as
            `dot_product_attention` may then make use of.

    Returns:
        [batch, length, output_dim]; with a cache, that and the updated cache; with `past`, that and
        the inputs' own keys and values.

    Args:
        num_query_heads: query heads.
        num_key_value_heads: key and value heads, which groups of query heads share.
        head_dim: the width of a head's queries and keys.
        value_head_dim: the width of a head's values; `head_dim` by default.
        output_dim: the width of the result; by default that of the inputs.
        use_bias: whether the projections have biases.
        output_bias: whether the last one has; as the others by default.
        window: how many of the last positions a query sees, or in a bidirectional model how many
            to each side; whoever makes the mask reads it.
        scale: what the scores are multiplied by; `head_dim ** -0.5` by default.
        softcap: scores are squeezed between plus and minus this, by tanh (Gemma Team, 2024).
        query_norm: a norm of the queries before they are rotated, or None.
        key_norm: likewise of the keys.
        norm_each_head: whether these norms see one head at a time, or the features of all of them.
        relative: a brick that makes further scores, to be scaled with the others, from queries,
            keys and how far they stand apart, such as `DisentangledScores`; or None.
        dropout: rate on the attention weights, in training.
        kernel_initializer: of the kernels.
        bias_initializer: of the biases.

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
        softcap: float | None = None,
        query_norm: keras.layers.Layer | None = None,
        key_norm: keras.layers.Layer | None = None,
        norm_each_head: bool = True,
        relative: keras.layers.Layer | None = None,
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
        self.softcap = softcap
        self.query_norm = query_norm
        self.key_norm = key_norm
        self.norm_each_head = norm_each_head
        self.relative = relative
        self.use_bias = use_bias
        self.output_bias = use_bias if output_bias is None else output_bias
        self.dropout_rate = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.query = self._project(num_query_heads * head_dim, use_bias, "query")
        self.key = self._project(num_key_value_heads * head_dim, use_bias, "key")
        self.value = self._project(num_key_value_heads * self.value_head_dim, use_bias, "value")
        self.dropout = optional_dropout(dropout, self.dtype_policy)

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
        for norm, heads in (
            (self.query_norm, self.num_query_heads),
            (self.key_norm, self.num_key_value_heads),
        ):
            if norm is not None and not norm.built:
                norm.build((None, None, self.head_dim * (1 if self.norm_each_head else heads)))
        if self.relative is not None and not self.relative.built:
            self.relative.build(inputs_shape)

    @property
    def linear_groups(self) -> tuple[Group, ...]:
        """What is multiplied by the same inputs."""
        return () if self._has_memory else ((self.query, self.key, self.value),)

    @property
    def reads_bits(self) -> bool:
        """Whether its steps are traced as machine code that reads a cache of bits."""
        if keras.backend.backend() != "jax" or self.relative is not None or self.softcap:
            return False
        from hornbook.native.xla_calls import has_head_dims

        return has_head_dims(self.head_dim, self.value_head_dim)

    def call(
        self,
        inputs: Any,
        attention_mask: Any = None,
        rope: tuple[Any, Any] | None = None,
        cache: tuple[Any, Any] | None = None,
        positions: Any = None,
        memory: Any = None,
        attention_bias: Any = None,
        attention_context: Any = None,
        past: tuple[Any, Any] | None = None,
        is_causal: bool = False,
        training: bool | None = None,
    ) -> Any:
        writes = cache is None or positions is not None
        if writes and memory is None:
            query, key, value = linear_products(inputs, (self.query, self.key, self.value))
        else:
            query = self.query(inputs)
            key, value = (self.key(memory), self.value(memory)) if writes else (None, None)
        query = self._normed_heads(query, self.num_query_heads, self.query_norm, rope)
        if writes:
            key = self._normed_heads(key, self.num_key_value_heads, self.key_norm, rope)
            key = ops.transpose(key, (0, 2, 1, 3))
            value = ops.transpose(_heads(value, self.num_key_value_heads), (0, 2, 1, 3))
            if cache is not None:
                cache = (write_kv(cache[0], key, positions), write_kv(cache[1], value, positions))
        if cache is not None:
            key, value = cache
        if past is not None:
            cache = (as_stored(key, past[0].dtype), as_stored(value, past[1].dtype))
            key, value = (ops.concatenate(two, 2) for two in zip(past, cache, strict=True))
        if cache is not None and _are_many(query):
            # A cache may be wider than what was written into it (`cache_dtype`).
            key, value = (ops.cast(as_numbers(each), query.dtype) for each in (key, value))
        if self.relative is not None:
            scores = self.relative(
                query, as_numbers(key), context=attention_context, project_query=self.query,
                project_key=self.key,
            ) * self.scale  # fmt: skip
            attention_bias = scores if attention_bias is None else attention_bias + scores
        outputs = dot_product_attention(
            query, key, value, attention_mask, scale=self.scale, bias=attention_bias,
            softcap=self.softcap, dropout=self.dropout if training else None, is_causal=is_causal,
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
            "softcap": self.softcap,
            "query_norm": keras.saving.serialize_keras_object(self.query_norm),
            "key_norm": keras.saving.serialize_keras_object(self.key_norm),
            "norm_each_head": self.norm_each_head,
            "relative": keras.saving.serialize_keras_object(self.relative),
            "dropout": self.dropout_rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        parts = {
            name: keras.saving.deserialize_keras_object(config.get(name))
            for name in ("query_norm", "key_norm", "relative")
        }
        return cls(**{**config, **parts})

    def _normed_heads(self, inputs: Any, heads: int, norm: Any, rope: Any) -> Any:
        """[batch, length, heads, head_dim], normalised and rotated."""
        if norm is not None and not self.norm_each_head:
            inputs = norm(inputs)
        outputs = _heads(inputs, heads)
        if norm is not None and self.norm_each_head:
            outputs = norm(outputs)
        return outputs if rope is None else rotate(outputs, rope)

    def _project(self, units: int, use_bias: bool, name: str) -> Linear:
        return Linear(
            units, use_bias, self.kernel_initializer, self.bias_initializer, name=name,
            dtype=self.dtype_policy,
        )  # fmt: skip


def _are_many(query: Any) -> bool:
    length = query.shape[1]
    return isinstance(length, int) and length >= MANY_QUERIES  # unknown while Keras makes a model


def _heads(inputs: Any, heads: int) -> Any:
    batch, length, features = ops.shape(inputs)
    return ops.reshape(inputs, (batch, length, heads, features // heads))
