"""The decoder: causal layers over tokens, run whole or token by token with a cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from hornbook.layers.attention_mask import AttentionMask, visible_keys
from hornbook.layers.embeddings import PositionEmbedding, ReversibleEmbedding
from hornbook.layers.kv_cache import cache_dtype
from hornbook.layers.linear import Linear
from hornbook.layers.positions import token_positions
from hornbook.layers.rope import RotaryAngles
from hornbook.layers.transformer_layer import TransformerLayer

Cache = tuple[tuple[Any, Any], ...]


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """A causal model as a list of bricks.

    Attributes:
        token_embedding: token ids to vectors.
        position_embedding: learned positions, added to the tokens, or None.
        rotary: rotary positions, given to every layer, or None.
        embedding_dropout: rate on the embeddings, in training.
        layers: the transformer layers.
        final_norm: applied to the last layer's output, or None.
        input_projection: of the token embeddings to the layers' width, or None.
        output_projection: of what comes out, back to the embeddings' width, or None.
        counts_padding: whether padding takes a position; without, a row's positions number its
            real tokens, wherever its padding stands.
    """

    token_embedding: ReversibleEmbedding
    layers: Sequence[TransformerLayer]
    final_norm: keras.layers.Layer | None
    position_embedding: PositionEmbedding | None = None
    rotary: RotaryAngles | None = None
    embedding_dropout: float = 0.0
    input_projection: Linear | None = None
    output_projection: Linear | None = None
    counts_padding: bool = True

    def inputs(self) -> dict[str, Any]:
        """The symbolic inputs: `token_ids` and `padding_mask`, both [batch, length]."""
        return {
            "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
            "padding_mask": keras.Input((None,), dtype="int32", name="padding_mask"),
        }

    def outputs(self, inputs: dict[str, Any]) -> Any:
        """Hidden states [batch, length, features] of whole sequences."""
        real = None if self.counts_padding else inputs["padding_mask"]
        positions = TokenPositions(name="positions")(inputs["token_ids"], real)
        x = self._embed(inputs["token_ids"], positions)
        if self.embedding_dropout:
            x = keras.layers.Dropout(self.embedding_dropout, name="embedding_dropout")(x)
        rope = None if self.rotary is None else self.rotary(positions)
        masks = {
            window: AttentionMask(
                causal=True, window=window, name=f"mask_{window}" if window else "mask"
            )(inputs["padding_mask"])
            for window in self._windows()
        }
        for layer in self.layers:
            x = layer(x, masks[layer.attention.window], rope)
        return self._finish(x)

    def init_cache(self, batch_size: int, max_length: int) -> Cache:
        """Empty keys and values: a pair a layer, each [batch, kv_heads, max_length, head_dim]."""

        def empty(layer: TransformerLayer) -> Any:
            attention = layer.attention
            shape = (batch_size, attention.num_key_value_heads, max_length, attention.head_dim)
            return ops.zeros(shape, dtype=cache_dtype(attention.compute_dtype))

        return tuple((empty(layer), empty(layer)) for layer in self.layers)

    def call_with_cache(self, token_ids: Any, cache: Cache, positions: Any) -> tuple[Any, Cache]:
        """Runs the tokens that stand at `positions` onwards in each row, and caches them.

        A query sees the slots up to its own position, so that right-padded prompts need no mask:
        what padding leaves in the cache is overwritten before any query can see it.

        Args:
            token_ids: int32 [batch, length].
            cache: as `init_cache` makes it.
            positions: int32 [batch], the position of each row's first token.

        Returns:
            Hidden states as of `outputs`, and the updated cache.
        """
        offsets = ops.arange(ops.shape(token_ids)[1], dtype="int32")
        places = ops.expand_dims(ops.cast(positions, "int32"), 1) + offsets
        x = self._embed(token_ids, places)
        rope = None if self.rotary is None else self.rotary(places)
        slots = ops.shape(cache[0][0])[2]
        masks = {w: visible_keys(places, slots, window=w) for w in self._windows()}
        updated = []
        for layer, entry in zip(self.layers, cache, strict=True):
            x, entry = layer(x, masks[layer.attention.window], rope, entry, positions)
            updated.append(entry)
        return self._finish(x), tuple(updated)

    def _embed(self, token_ids: Any, positions: Any) -> Any:
        x = self.token_embedding(token_ids)
        if self.input_projection is not None:
            x = self.input_projection(x)
        if self.position_embedding is not None:
            x = x + self.position_embedding(x, positions=positions)
        return x

    def _finish(self, x: Any) -> Any:
        for brick in (self.final_norm, self.output_projection):
            x = x if brick is None else brick(x)
        return x

    def _windows(self) -> set[int | None]:
        return {layer.attention.window for layer in self.layers}


@keras.saving.register_keras_serializable(package="hornbook")
class TokenPositions(keras.layers.Layer):
    """Numbers the tokens of each row from 0: int32 [1, length].

    Given which tokens are real, [batch, length], it numbers those alone: int32 [batch, length].
    """

    def call(self, token_ids: Any, real: Any = None) -> Any:
        if real is None:
            return token_positions(ops.shape(token_ids)[1])
        return ops.maximum(ops.cumsum(ops.cast(real, "int32"), axis=1) - 1, 0)
