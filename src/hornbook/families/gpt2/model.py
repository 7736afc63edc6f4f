"""The architecture: pre-normalised decoder with learned positions and biases everywhere."""

from dataclasses import dataclass

import keras

from hornbook.backbones.decoder import Decoder
from hornbook.layers.attention import Attention, even_head_dim
from hornbook.layers.embeddings import PositionEmbedding, ReversibleEmbedding
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.norm import LayerNormalization
from hornbook.layers.transformer_layer import TransformerLayer


@dataclass(frozen=True, kw_only=True)
class GPT2Config:
    """Sizes and rates of a GPT-2 model; the defaults are those of the 124M one.

    Attributes:
        vocabulary_size: number of tokens.
        num_layers: number of transformer layers.
        num_heads: attention heads.
        hidden_dim: width of the residual stream.
        intermediate_dim: width of the feed-forward network; None for four times hidden_dim.
        max_sequence_length: the longest context, in tokens.
        activation: of the feed-forward network.
        layer_norm_epsilon: added to the variance in each norm.
        dropout: rate on each sub-layer's output, in training.
        embedding_dropout: rate on the embeddings, in training.
        attention_dropout: rate on the attention weights, in training.
        tie_word_embeddings: whether the output projection is the token embedding.
        initializer_range: standard deviation of fresh weights.
        start_token_id, end_token_id, pad_token_id: special tokens.
    """

    vocabulary_size: int = 50257
    num_layers: int = 12
    num_heads: int = 12
    hidden_dim: int = 768
    intermediate_dim: int | None = None
    max_sequence_length: int = 1024
    activation: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    dropout: float = 0.1
    embedding_dropout: float = 0.1
    attention_dropout: float = 0.1
    tie_word_embeddings: bool = True
    initializer_range: float = 0.02
    start_token_id: int | None = 50256
    end_token_id: int | tuple[int, ...] | None = 50256
    pad_token_id: int | None = None


def build(config: GPT2Config) -> Decoder:
    """Assembles the bricks."""
    init = keras.initializers.RandomNormal(stddev=config.initializer_range)

    def norm(name: str) -> LayerNormalization:
        return LayerNormalization(config.layer_norm_epsilon, name=name)

    def layer(index: int) -> TransformerLayer:
        return TransformerLayer(
            Attention(
                config.num_heads,
                config.num_heads,
                even_head_dim(config.hidden_dim, config.num_heads),
                dropout=config.attention_dropout,
                kernel_initializer=init,
                name="attention",
            ),
            norm("attention_norm"),
            FeedForward(
                config.intermediate_dim or 4 * config.hidden_dim,
                config.activation,
                kernel_initializer=init,
                name="feed_forward",
            ),
            norm("feed_forward_norm"),
            dropout=config.dropout,
            name=f"layers_{index}",
        )

    return Decoder(
        token_embedding=ReversibleEmbedding(
            config.vocabulary_size,
            config.hidden_dim,
            embeddings_initializer=init,
            name="token_embedding",
        ),
        position_embedding=PositionEmbedding(
            config.max_sequence_length, init, name="position_embedding"
        ),
        embedding_dropout=config.embedding_dropout,
        layers=[layer(index) for index in range(config.num_layers)],
        final_norm=norm("final_norm"),
    )
