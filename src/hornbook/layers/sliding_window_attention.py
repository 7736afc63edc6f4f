"""Attention to a window around each token and to a few tokens that see, and are seen by, all."""

from typing import Any

import keras
import numpy as np
from keras import ops

from hornbook.layers.dot_product_attention import dot_product_attention
from hornbook.layers.dropout import optional_dropout
from hornbook.layers.linear import Linear
from hornbook.layers.linear_group import Group, linear_products
from hornbook.layers.relative_scores import AttentionContext

GLOBAL_POSITIONS = "global_positions"
NO_POSITION = -1


def global_positions(global_mask: Any) -> np.ndarray:
    """Where tokens with global attention stand, as models take it.

    Args:
        global_mask: [batch, length], true on tokens with global attention.

    Returns:
        int32 [batch, the most that a row has], filled up with -1.

    Example:
        >>> global_positions([[1, 0, 1], [0, 1, 0]]).tolist()
        [[0, 2], [1, -1]]
    """
    rows = [np.flatnonzero(row) for row in np.asarray(global_mask, bool)]
    positions = np.full((len(rows), max(map(len, rows), default=0)), NO_POSITION, "int32")
    for made, found in zip(positions, rows, strict=True):
        made[: len(found)] = found
    return positions


@keras.saving.register_keras_serializable(package="hornbook")
class GlobalTokens(AttentionContext):
    """Picks the tokens with global attention.

    Call arguments: a dict with `padding_mask` [batch, length] and, where there are such tokens,
    `global_positions` [batch, count], each at most once in a row and -1 for none. Returns bool
    [batch, count, length], true where the one is the other, but for padding; or None.
    """

    reads = ("padding_mask", GLOBAL_POSITIONS)
    optional = (GLOBAL_POSITIONS,)

    def call(self, inputs: dict[str, Any]) -> Any:
        positions, padding_mask = inputs[GLOBAL_POSITIONS], inputs["padding_mask"]
        if positions is None:
            return None
        places = ops.arange(ops.shape(padding_mask)[1], dtype="int32")
        is_there = ops.equal(ops.cast(positions, "int32")[:, :, None], places)
        return ops.logical_and(is_there, ops.cast(padding_mask, "bool")[:, None, :])


@keras.saving.register_keras_serializable(package="hornbook")
class ChosenPositions(keras.layers.Layer):
    """Positions as they are given, or that of the first token in each row.

    Call arguments: `token_ids` [batch, length], used for their shape, and `positions` int32
    [batch, count] or None. Returns int32 [batch, count or 1].

    Args:
        first: whether the first token is chosen where nothing is given; otherwise that is an error.
    """

    def __init__(self, first: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = first

    def call(self, token_ids: Any, positions: Any = None) -> Any:
        if positions is not None:
            return ops.cast(positions, "int32")
        if not self.first:
            raise ValueError(
                f"This task needs '{GLOBAL_POSITIONS}' beside token ids, int32 [batch, count] "
                "filled up with -1: which tokens see, and are seen by, all others. Its "
                "preprocessor makes them of texts."
            )
        return ops.zeros_like(token_ids[:, :1], dtype="int32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "first": self.first}


@keras.saving.register_keras_serializable(package="hornbook")
class SlidingWindowAttention(keras.layers.Layer):
    """Attention whose time and memory grow linearly with the length of the texts.

    A query sees `window` tokens to each side and those with global attention; a token with global
    attention sees all, through projections of its own. Follows Beltagy et al., "Longformer" (2020).

    Variables stand under `query`, `key`, `value` and `output`, each a `Linear`, and those of tokens
    with global attention under `global_query`, `global_key` and `global_value`.

    Call arguments:
        inputs: [batch, length, hidden_dim].
        attention_mask: bool [batch, 1, 1, length], true on real tokens; or None.
        attention_context: as `GlobalTokens` makes it.

    Returns:
        [batch, length, hidden_dim].

    Args:
        num_heads: attention heads.
        head_dim: the width of one head.
        window_size: how many tokens to each side a query sees.
        dropout: rate on the attention weights, in training.
        kernel_initializer: of the kernels.

    Example:
        >>> layer = SlidingWindowAttention(num_heads=2, head_dim=3, window_size=4)
        >>> layer(np.ones((1, 50, 6), "float32")).shape
        (1, 50, 6)
    """

    window = None  # this brick needs no mask of its window

    def __init__(
        self,
        num_heads: int,
        head_dim: int,
        window_size: int,
        *,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.window_size = window_size
        self.dropout_rate = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        width = num_heads * head_dim
        self.query, self.key, self.value = (
            self._project(width, name) for name in ("query", "key", "value")
        )
        self.global_query, self.global_key, self.global_value = (
            self._project(width, f"global_{name}") for name in ("query", "key", "value")
        )
        self.dropout = optional_dropout(dropout, self.dtype_policy)

    def build(self, inputs_shape: tuple[Any, ...]) -> None:
        for brick in (*self.linear_groups[0], *self.optional_bricks):
            brick.build(inputs_shape)
        self.output_projection = self._project(inputs_shape[-1], "output")
        self.output_projection.build((None, None, self.num_heads * self.head_dim))

    @property
    def linear_groups(self) -> tuple[Group, ...]:
        """What is multiplied by the same inputs."""
        return ((self.query, self.key, self.value),)

    @property
    def optional_bricks(self) -> Group:
        """What is used only if there are tokens with global attention."""
        return self.global_query, self.global_key, self.global_value

    def call(
        self,
        inputs: Any,
        attention_mask: Any = None,
        *,
        attention_context: Any = None,
        training: bool | None = None,
        **_: Any,
    ) -> Any:
        dropout = self.dropout if training else None
        query, key, value = (
            self._heads(part) for part in linear_products(inputs, self.linear_groups[0])
        )
        if attention_mask is None:
            attention_mask = ops.ones_like(inputs[:, None, None, :, 0], dtype="bool")
        real = attention_mask[:, 0, 0, :]
        options = {"scale": self.head_dim**-0.5, "dropout": dropout}
        attend = _attend_at_once if self._is_short(inputs) else _attend_in_blocks
        outputs = attend(query, key, value, real, attention_context, self.window_size, options)
        if attention_context is not None:
            outputs = self._with_global_tokens(inputs, outputs, real, attention_context, options)
        return self.output_projection(outputs)

    def _is_short(self, inputs: Any) -> bool:
        """Whether blocks would be more to compute than all tokens with all."""
        length = inputs.shape[1]
        return length is not None and length <= 3 * self.window_size

    def _with_global_tokens(
        self, inputs: Any, outputs: Any, real: Any, is_global: Any, options: dict[str, Any]
    ) -> Any:
        """Puts what tokens with global attention see in their places: all real tokens."""
        picks = ops.cast(is_global, inputs.dtype)
        query = self._heads(self.global_query(ops.matmul(picks, inputs)))
        key, value = (
            ops.transpose(self._heads(project(inputs)), (0, 2, 1, 3))
            for project in (self.global_key, self.global_value)
        )
        seen = dot_product_attention(query, key, value, real[:, None, None, :], **options)
        places = ops.any(is_global, axis=1)[:, :, None]
        return ops.where(places, ops.matmul(ops.transpose(picks, (0, 2, 1)), seen), outputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "window_size": self.window_size,
            "dropout": self.dropout_rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def _project(self, units: int, name: str) -> Linear:
        return Linear(
            units, kernel_initializer=self.kernel_initializer, name=name, dtype=self.dtype_policy
        )

    def _heads(self, inputs: Any) -> Any:
        batch, length, _ = ops.shape(inputs)
        return ops.reshape(inputs, (batch, length, self.num_heads, self.head_dim))


def _attend_at_once(
    query: Any,
    key: Any,
    value: Any,
    real: Any,
    is_global: Any,
    window: int,
    options: dict[str, Any],
) -> Any:
    """All queries with all keys: for texts of a few windows."""
    positions = ops.arange(ops.shape(query)[1], dtype="int32")
    seen = (ops.abs(positions[:, None] - positions) <= window)[None]
    if is_global is not None:
        seen = ops.logical_or(seen, ops.any(is_global, axis=1)[:, None, :])
    mask = ops.logical_and(seen, real[:, None, :])[:, None]
    key, value = (ops.transpose(part, (0, 2, 1, 3)) for part in (key, value))
    return dot_product_attention(query, key, value, mask, **options)


def _attend_in_blocks(
    query: Any,
    key: Any,
    value: Any,
    real: Any,
    is_global: Any,
    window: int,
    options: dict[str, Any],
) -> Any:
    """Blocks of `window` queries with the keys of their own and the neighbouring blocks.

    The blocks become rows of a batch, to which global tokens' keys and values are given as well.
    """
    batch, length, heads, head_dim = ops.shape(query)
    blocks = (length + window - 1) // window
    rest = blocks * window - length
    in_window = real
    if is_global is not None:
        in_window = ops.logical_and(real, ops.logical_not(ops.any(is_global, axis=1)))
    query = ops.reshape(_padded(query, 0, rest), (batch * blocks, window, heads, head_dim))
    keys, values, mask = (
        _with_neighbours(_padded(part, window, rest + window), window)
        for part in (key, value, in_window)
    )
    offsets = np.arange(3 * window) - window - np.arange(window)[:, None]
    mask = ops.logical_and(mask[:, :, None, :], np.abs(offsets) <= window)
    if is_global is not None:
        keys, values = (
            ops.concatenate([_of_global_tokens(part, is_global, blocks), around], axis=2)
            for part, around in ((key, keys), (value, values))
        )
        seen = ops.any(is_global, axis=2)[:, None, None, :]
        count = ops.shape(is_global)[1]
        seen = ops.broadcast_to(seen, (batch, blocks, window, count))
        mask = ops.concatenate([seen, mask], axis=-1)
    keys, values = (
        ops.transpose(ops.reshape(part, (batch * blocks, -1, heads, head_dim)), (0, 2, 1, 3))
        for part in (keys, values)
    )
    mask = ops.reshape(mask, (batch * blocks, 1, window, -1))
    outputs = dot_product_attention(query, keys, values, mask, **options)
    return ops.reshape(outputs, (batch, blocks * window, heads * head_dim))[:, :length]


def _padded(inputs: Any, before: Any, after: Any) -> Any:
    """[batch, before + length + after, ...], with zeros around."""

    def zeros(count: Any) -> Any:
        return ops.zeros((ops.shape(inputs)[0], count, *inputs.shape[2:]), inputs.dtype)

    parts = [zeros(before), inputs] if isinstance(before, int) and before else [inputs]
    return ops.concatenate([*parts, zeros(after)], axis=1)


def _with_neighbours(inputs: Any, window: int) -> Any:
    """[batch, (blocks + 2) * window, ...] as [batch, blocks, 3 * window, ...]."""
    batch, length = ops.shape(inputs)[:2]
    blocks = ops.reshape(inputs, (batch, length // window, window, *inputs.shape[2:]))
    return ops.concatenate([blocks[:, :-2], blocks[:, 1:-1], blocks[:, 2:]], axis=2)


def _of_global_tokens(inputs: Any, is_global: Any, blocks: Any) -> Any:
    """[batch, length, heads, head_dim] as [batch, blocks, count, heads, head_dim]."""
    batch, length, heads, head_dim = ops.shape(inputs)
    count = ops.shape(is_global)[1]
    flat = ops.reshape(inputs, (batch, length, heads * head_dim))
    picked = ops.matmul(ops.cast(is_global, inputs.dtype), flat)
    picked = ops.reshape(picked, (batch, 1, count, heads, head_dim))
    return ops.broadcast_to(picked, (batch, blocks, count, heads, head_dim))
