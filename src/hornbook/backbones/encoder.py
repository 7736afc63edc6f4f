"""The encoder: layers in which every token sees every other, with a pooled summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from hornbook.backbones.decoder import TokenPositions, layer_ropes, rotations
from hornbook.layers.attention import Attention
from hornbook.layers.attention_mask import AttentionMask
from hornbook.layers.dropout import Dropout
from hornbook.layers.embeddings import PositionEmbedding, ReversibleEmbedding
from hornbook.layers.linear import Linear
from hornbook.layers.relative_scores import AttentionContext
from hornbook.layers.rope import RotaryAngles
from hornbook.layers.transformer_layer import TransformerLayer
from hornbook.layers.unpadding import Repadding, Unpadding


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A bidirectional model as a list of bricks.

    Attributes:
        token_embedding: token ids to vectors.
        position_embedding: learned positions, added to the tokens, or None.
        segment_embedding: which of two texts a token is of, or None; that of a single segment
            is added to all tokens, which then have no `segment_ids`.
        embedding_norm: applied to the sum of the embeddings, or None.
        embedding_dropout: rate on the embeddings, in training.
        dropout_last: whether that stands behind the embeddings' projection.
        input_projection: of the embeddings to the layers' width, or None.
        rotary: rotary positions: one brick for every layer, a brick or None for each, or None.
        position_bias: makes the bias of attention scores, given to every layer, from the tokens'
            places in the row [1, length]; or None.
        layers: the transformer layers; a layer that stands there several times has its weights
            once.
        attention_context: makes what every layer's attention is given beside the mask, from the
            inputs that it names; or None.
        final_norm: applied to the last layer's output, or None.
        output_dropout: rate on what comes out, in training.
        pooler: makes a summary from the first token's last state, by tanh, or None.
        counts_padding: whether padding takes a position; without, a row's positions number its
            real tokens, wherever its padding stands.
    """

    token_embedding: ReversibleEmbedding
    layers: Sequence[TransformerLayer]
    embedding_norm: keras.layers.Layer | None = None
    position_embedding: PositionEmbedding | None = None
    segment_embedding: ReversibleEmbedding | None = None
    embedding_dropout: float = 0.0
    dropout_last: bool = False
    input_projection: Linear | None = None
    rotary: RotaryAngles | Sequence[RotaryAngles | None] | None = None
    position_bias: keras.layers.Layer | None = None
    attention_context: AttentionContext | None = None
    final_norm: keras.layers.Layer | None = None
    output_dropout: float = 0.0
    pooler: Linear | None = None
    counts_padding: bool = True

    def inputs(self) -> dict[str, Any]:
        """The symbolic inputs, all [batch, length]."""
        names = ["token_ids", "padding_mask"]
        if self.segment_embedding is not None and self.segment_embedding.input_dim > 1:
            names.append("segment_ids")
        optional: tuple[str, ...] = ()
        if self.attention_context is not None:
            names.extend(self.attention_context.reads)
            optional = self.attention_context.optional
        return {
            name: keras.Input((None,), dtype="int32", name=name, optional=name in optional)
            for name in dict.fromkeys(names)
        }

    def outputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """`sequence_output` [batch, length, hidden_dim]; with a pooler, `pooled_output` too."""
        real = None if self.counts_padding else inputs["padding_mask"]
        positions = TokenPositions(name="positions")(inputs["token_ids"], real)
        tokens, real = {**inputs, "positions": positions}, inputs["padding_mask"]
        if self.can_unpad:
            # A keyword: these rows are no tensor.
            tokens, real = Unpadding(name="unpadding")(tokens, padding_mask=real)
        x = self._embed(tokens)
        masks = {
            window: AttentionMask(
                causal=False, window=window, name="mask" if window is None else f"mask_{window}"
            )(padding_mask=real)
            for window in dict.fromkeys(layer.attention.window for layer in self.layers)
        }
        bias = None
        if self.position_bias is not None:
            # Distances are those in the row, whatever its positions number.
            bias = self.position_bias(TokenPositions(name="places")(inputs["token_ids"]))
        given = {} if bias is None else {"attention_bias": bias}
        if (brick := self.attention_context) is not None:
            given["attention_context"] = brick({name: inputs[name] for name in brick.reads})
        ropes = layer_ropes(self.rotary, len(self.layers), tokens["positions"])
        for layer, rope in zip(self.layers, ropes, strict=True):
            x = layer(x, attention_mask=masks[layer.attention.window], rope=rope, **given)
        if self.final_norm is not None:
            x = self.final_norm(x)
        if self.output_dropout:
            x = Dropout(self.output_dropout, name="output_dropout")(x)
        if self.can_unpad:
            x = Repadding(name="repadding")(x, rows=real)
        outputs = {"sequence_output": x}
        if self.pooler is not None:
            outputs["pooled_output"] = keras.ops.tanh(self.pooler(x[:, 0, :]))
        return outputs

    def freeze_optional(self) -> None:
        """Freezes what is only used with an input that may be left out."""
        for layer in self.layers:
            for brick in getattr(layer.attention, "optional_bricks", ()):
                brick.trainable = False

    @property
    def can_unpad(self) -> bool:
        """Whether nothing but attention looks beyond single tokens, and that by a mask and bias."""
        is_plain = all(type(layer.attention) is Attention for layer in self.layers)
        ropes = rotations(self.rotary, len(self.layers))
        reads_lengths = any(rope is not None and rope.reads_lengths for rope in ropes)
        return is_plain and self.attention_context is None and not reads_lengths

    def _embed(self, inputs: dict[str, Any]) -> Any:
        x = self.token_embedding(inputs["token_ids"])
        parts = [x]
        if self.position_embedding is not None:
            parts.append(self.position_embedding(x, positions=inputs["positions"]))
        if self.segment_embedding is not None:
            first = keras.ops.zeros_like(inputs["token_ids"][:, :1])
            parts.append(self.segment_embedding(inputs.get("segment_ids", first)))
        if len(parts) > 1:
            x = keras.layers.Add(name="embeddings")(parts)
        if self.embedding_norm is not None:
            x = self.embedding_norm(x)
        dropout = None
        if self.embedding_dropout:
            dropout = Dropout(self.embedding_dropout, name="embedding_dropout")
        parts = [dropout, self.input_projection]
        for part in reversed(parts) if self.dropout_last else parts:
            x = x if part is None else part(x)
        return x
