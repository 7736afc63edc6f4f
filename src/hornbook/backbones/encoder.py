"""The encoder: layers in which every token sees every other, with a pooled summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from hornbook.backbones.decoder import TokenPositions
from hornbook.layers.attention_mask import AttentionMask
from hornbook.layers.embeddings import PositionEmbedding, ReversibleEmbedding
from hornbook.layers.linear import Linear
from hornbook.layers.transformer_layer import TransformerLayer


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A bidirectional model as a list of bricks.

    Attributes:
        token_embedding: token ids to vectors.
        position_embedding: learned positions.
        segment_embedding: which of two texts a token is of, or None.
        embedding_norm: applied to the sum of the embeddings.
        embedding_dropout: rate on the embeddings, in training.
        layers: the transformer layers.
        pooler: makes a summary from the first token's last state, by tanh, or None.
    """

    token_embedding: ReversibleEmbedding
    position_embedding: PositionEmbedding
    embedding_norm: keras.layers.Layer
    layers: Sequence[TransformerLayer]
    segment_embedding: ReversibleEmbedding | None = None
    embedding_dropout: float = 0.0
    pooler: Linear | None = None

    def inputs(self) -> dict[str, Any]:
        """The symbolic inputs, all [batch, length]."""
        names = ["token_ids", "padding_mask"]
        if self.segment_embedding is not None:
            names.append("segment_ids")
        return {name: keras.Input((None,), dtype="int32", name=name) for name in names}

    def outputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """`sequence_output` [batch, length, hidden_dim] and `pooled_output` [batch, hidden_dim]."""
        positions = TokenPositions(name="positions")(inputs["token_ids"])
        x = self.token_embedding(inputs["token_ids"])
        x = keras.layers.Add(name="embeddings")([
            x,
            self.position_embedding(x, positions=positions),
            *([self.segment_embedding(inputs["segment_ids"])] if self.segment_embedding else []),
        ])  # fmt: skip
        x = self.embedding_norm(x)
        if self.embedding_dropout:
            x = keras.layers.Dropout(self.embedding_dropout, name="embedding_dropout")(x)
        mask = AttentionMask(causal=False, name="mask")(inputs["padding_mask"])
        for layer in self.layers:
            x = layer(x, mask)
        outputs = {"sequence_output": x}
        if self.pooler is not None:
            outputs["pooled_output"] = keras.ops.tanh(self.pooler(x[:, 0, :]))
        return outputs
