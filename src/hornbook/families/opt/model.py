"""The architecture: decoder with learned positions, its norms before each part or after it."""

from dataclasses import dataclass

import keras

from hornbook.backbones.decoder import Decoder
from hornbook.layers.attention import Attention, even_head_dim
from hornbook.layers.embeddings import PositionEmbedding, ReversibleEmbedding
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.linear import Linear
from hornbook.layers.norm import LayerNormalization
from hornbook.layers.transformer_layer import TransformerLayer

POSITION_OFFSET = 2
"""Rows before the first position's, which fairseq kept for padding."""


@dataclass(frozen=True, kw_only=True)
class OPTConfig:
    """Sizes, rates and switches of an OPT model; the defaults are those of the 125M one.

    Attributes:
        vocabulary_size: number of tokens.
        num_layers: number of transformer layers.
        num_heads: attention heads.
        hidden_dim: width of the residual stream.
        intermediate_dim: width of the feed-forward network.
        embedding_dim: width of the token embeddings, which other than hidden_dim are projected
            to it and back; None becomes hidden_dim.
        max_sequence_length: the longest context, in tokens.
        activation: of the feed-forward network.
        norm_first: whether the norms stand before each part, and one after all layers; otherwise
            they stand after each part.
        use_bias: whether the layers' projections have biases.
        dropout: rate on each sub-layer's output, in training.
        attention_dropout: rate on the attention weights, in training.
        tie_word_embeddings: whether the output projection is the token embedding.
        initializer_range: standard deviation of fresh weights.
        start_token_id, end_token_id, pad_token_id: special tokens.
    """

    vocabulary_size: int = 50272
    num_layers: int = 12
    num_heads: int = 12
    hidden_dim: int = 768
    intermediate_dim: int = 3072
    embedding_dim: int | None = None
    max_sequence_length: int = 2048
    activation: str = "relu"
    norm_first: bool = True
    use_bias: bool = True
    dropout: float = 0.1
    attention_dropout: float = 0.0
    tie_word_embeddings: bool = True
    initializer_range: float = 0.02
    start_token_id: int | None = 2
    end_token_id: int | tuple[int, ...] | None = 2
    pad_token_id: int | None = 1

    def __post_init__(self) -> None:
        if self.embedding_dim is None:
            object.__setattr__(self, "embedding_dim", self.hidden_dim)


def is_projected(config: OPTConfig) -> bool:
    """Whether the token embeddings have a width of their own."""
    return config.embedding_dim != config.hidden_dim


def build(config: OPTConfig) -> Decoder:
    """Assembles the bricks."""
    init = keras.initializers.RandomNormal(stddev=config.initializer_range)
    embedding_dim = config.embedding_dim or config.hidden_dim

    def projection(units: int, name: str) -> Linear | None:
        if not is_projected(config):
            return None
        return Linear(units, use_bias=False, kernel_initializer=init, name=name)

    def layer(index: int) -> TransformerLayer:
        return TransformerLayer(
            Attention(
                config.num_heads,
                config.num_heads,
                even_head_dim(config.hidden_dim, config.num_heads),
                use_bias=config.use_bias,
                dropout=config.attention_dropout,
                kernel_initializer=init,
                name="attention",
            ),
            LayerNormalization(name="attention_norm"),
            FeedForward(
                config.intermediate_dim,
                config.activation,
                use_bias=config.use_bias,
                kernel_initializer=init,
                name="feed_forward",
            ),
            LayerNormalization(name="feed_forward_norm"),
            norm_first=config.norm_first,
            dropout=config.dropout,
            name=f"layers_{index}",
        )

    return Decoder(
        token_embedding=ReversibleEmbedding(
            config.vocabulary_size,
            embedding_dim,
            embeddings_initializer=init,
            name="token_embedding",
        ),
        position_embedding=PositionEmbedding(
            config.max_sequence_length, init, offset=POSITION_OFFSET, name="position_embedding"
        ),
        counts_padding=False,
        input_projection=projection(config.hidden_dim, "input_projection"),
        layers=[layer(index) for index in range(config.num_layers)],
        final_norm=LayerNormalization(name="final_norm") if config.norm_first else None,
        output_projection=projection(embedding_dim, "output_projection"),
    )
