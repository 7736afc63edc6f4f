"""The decoder: causal layers over tokens, run whole or token by token with a cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from hornbook.backbones.cached_run import CachedRun, window_slots
from hornbook.layers.attention_mask import AttentionMask
from hornbook.layers.dropout import Dropout
from hornbook.layers.embeddings import PositionEmbedding, ReversibleEmbedding
from hornbook.layers.kv_cache import cache_dtype
from hornbook.layers.linear import Linear
from hornbook.layers.load_balance import LoadBalance
from hornbook.layers.positions import AlibiKeys, token_positions
from hornbook.layers.rope import RotaryAngles
from hornbook.layers.transformer_layer import TransformerLayer

Cache = tuple[tuple[Any, Any], ...]
Rotary = RotaryAngles | Sequence[RotaryAngles | None] | None


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """A causal model as a list of bricks.

    Attributes:
        token_embedding: token ids to vectors.
        position_embedding: learned positions, added to the tokens, or None.
        rotary: rotary positions: one brick for every layer, a brick or None for each, or None.
        position_bias: the bias of attention scores, given to every layer, or None.
        embedding_scale: what the token embeddings are multiplied by, or None.
        embedding_norm: applied to the embeddings, or None.
        embedding_dropout: rate on the embeddings, in training.
        layers: the transformer layers.
        final_norm: applied to the last layer's output, or None.
        input_projection: of the token embeddings to the layers' width, or None.
        output_projection: of what comes out, back to the embeddings' width, or None.
        load_balance: the loss of the routers of layers that have experts, or None.
        logit_softcap: what a language model's logits stay within, by tanh, or None.
        counts_padding: whether padding takes a position; without, a row's positions number its
            real tokens, wherever its padding stands.
    """

    token_embedding: ReversibleEmbedding
    layers: Sequence[TransformerLayer]
    final_norm: keras.layers.Layer | None
    position_embedding: PositionEmbedding | None = None
    rotary: Rotary = None
    position_bias: AlibiKeys | None = None
    embedding_scale: float | None = None
    embedding_norm: keras.layers.Layer | None = None
    embedding_dropout: float = 0.0
    input_projection: Linear | None = None
    output_projection: Linear | None = None
    load_balance: LoadBalance | None = None
    logit_softcap: float | None = None
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
            x = Dropout(self.embedding_dropout, name="embedding_dropout")(x)
        lengths = None
        if any(brick.reads_lengths for brick in self._rotations()):
            lengths = RowLengths(name="lengths")(inputs["padding_mask"])
        ropes = layer_ropes(self.rotary, len(self.layers), positions, lengths)
        bias = None if self.position_bias is None else self.position_bias(positions)
        masks = {
            window: AttentionMask(
                causal=True, window=window, name=f"mask_{window}" if window else "mask"
            )(inputs["padding_mask"])
            for window in self._windows()
        }
        routed = []
        for layer, rope in zip(self.layers, ropes, strict=True):
            mask = masks[layer.attention.window]
            if self.load_balance is not None and layer.has_router:
                x, logits = layer(
                    x, mask, rope, attention_bias=bias, is_causal=True, return_router_logits=True
                )
                routed.append(logits)
            else:
                x = layer(x, mask, rope, attention_bias=bias, is_causal=True)
        if self.load_balance is not None and routed:
            x = self.load_balance(x, routed, inputs["padding_mask"])
        return self._finish(x)

    def cache_slots(self, max_length: int, ahead: int = 0) -> tuple[int, ...]:
        """The slots of each layer's cache for rows of up to `max_length` tokens.

        A layer with a window keeps no more than that.

        Args:
            max_length: the tokens that a row may have.
            ahead: how many tokens a step runs at most behind its first one, which may turn out
                wrong and be run again.
        """
        windows = (layer.attention.window for layer in self.layers)
        return tuple(window_slots(window, max_length, ahead) for window in windows)

    def init_cache(self, batch_size: int, slots: int | Sequence[int]) -> Cache:
        """Empty keys and values: a pair a layer, each [batch, kv_heads, slots, head_dim].

        Args:
            batch_size: how many rows.
            slots: the tokens that a row may have, or the slots of each layer, as `cache_slots`
                counts them.
        """
        sizes = self.cache_slots(slots) if isinstance(slots, int) else slots

        def empty(layer: TransformerLayer, size: int) -> Any:
            attention = layer.attention
            shape = (batch_size, attention.num_key_value_heads, size, attention.head_dim)
            reads_bits = attention.reads_bits and self.position_bias is None
            return ops.zeros(shape, dtype=cache_dtype(attention.compute_dtype, reads_bits))

        pairs = zip(self.layers, sizes, strict=True)
        return tuple((empty(layer, size), empty(layer, size)) for layer, size in pairs)

    @property
    def restart_lengths(self) -> tuple[int, ...]:
        """A sequence that becomes longer than one of these is computed anew, without the cache."""
        lengths = {brick.restart_length for brick in self._rotations()}
        return tuple(length for length in lengths if length is not None)

    def call_with_cache(
        self, token_ids: Any, cache: Cache, positions: Any, lengths: Any = None
    ) -> tuple[Any, Cache]:
        """Runs the tokens that stand at `positions` onwards in each row, and caches them.

        A query sees the keys up to its own position, so that right-padded prompts need no mask:
        what padding leaves in the cache is overwritten before any query can see it, and in a layer
        that keeps its window alone it leaves nothing.

        Args:
            token_ids: int32 [batch, length].
            cache: as `init_cache` makes it.
            positions: int32 [batch], the position of each row's first token; None where all rows
                begin with these tokens, and nothing in the cache is theirs.
            lengths: int32 [batch], the tokens of each row, with those still to come if they belong
                to the same prompt; by default up to the last of these tokens. Any behind them are
                padding. Rotations may depend on it.

        Returns:
            Hidden states as of `outputs`, and the updated cache.
        """
        run = CachedRun(token_ids.shape, positions, lengths, self.position_bias)
        x = self._embed(token_ids, run.places)
        ropes = layer_ropes(self.rotary, len(self.layers), run.places, lengths)
        updated = []
        for layer, entry, rope in zip(self.layers, cache, ropes, strict=True):
            x, entry = run.call(layer, x, rope, entry)
            updated.append(entry)
        return self._finish(x), tuple(updated)

    def _embed(self, token_ids: Any, positions: Any) -> Any:
        x = self.token_embedding(token_ids)
        if self.embedding_scale is not None:
            x = x * ops.cast(self.embedding_scale, x.dtype)
        if self.input_projection is not None:
            x = self.input_projection(x)
        if self.position_embedding is not None:
            x = x + self.position_embedding(x, positions=positions)
        return x if self.embedding_norm is None else self.embedding_norm(x)

    def _finish(self, x: Any) -> Any:
        for brick in (self.final_norm, self.output_projection):
            x = x if brick is None else brick(x)
        return x

    def _rotations(self) -> list[RotaryAngles]:
        """The bricks that rotate some layer's heads."""
        bricks = rotations(self.rotary, len(self.layers))
        return [brick for brick in dict.fromkeys(bricks) if brick is not None]

    def _windows(self) -> set[int | None]:
        return {layer.attention.window for layer in self.layers}


def rotations(rotary: Rotary, num_layers: int) -> Sequence[RotaryAngles | None]:
    """The brick of each layer, or None."""
    if rotary is None or isinstance(rotary, RotaryAngles):
        return (rotary,) * num_layers
    return rotary


def layer_ropes(rotary: Rotary, num_layers: int, positions: Any, lengths: Any = None) -> list[Any]:
    """The rotation of each layer's heads, or None; layers with the same brick share one."""
    bricks = rotations(rotary, num_layers)
    ropes = {
        brick: brick(positions, lengths) if brick.reads_lengths else brick(positions)
        for brick in dict.fromkeys(bricks)
        if brick is not None
    }
    return [None if brick is None else ropes[brick] for brick in bricks]


@keras.saving.register_keras_serializable(package="hornbook")
class TokenPositions(keras.layers.Layer):
    """Numbers the tokens of each row from 0: int32 [1, length].

    Given which tokens are real, [batch, length], it numbers those alone: int32 [batch, length].
    """

    def call(self, token_ids: Any, real: Any = None) -> Any:
        if real is None:
            return token_positions(ops.shape(token_ids)[1])
        return ops.maximum(ops.cumsum(ops.cast(real, "int32"), axis=1) - 1, 0)


@keras.saving.register_keras_serializable(package="hornbook")
class RowLengths(keras.layers.Layer):
    """Counts the real tokens of each row: int32 [batch] of a padding mask [batch, length]."""

    def call(self, padding_mask: Any) -> Any:
        return ops.sum(ops.cast(padding_mask, "int32"), axis=1)
