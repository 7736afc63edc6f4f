"""The architecture: pre-normalised decoder whose attention falls off with distance."""

from dataclasses import dataclass

import keras

from hornbook.backbones.decoder import Decoder
from hornbook.layers.attention import Attention, even_head_dim
from hornbook.layers.embeddings import ReversibleEmbedding
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.norm import LayerNormalization
from hornbook.layers.positions import AlibiKeys
from hornbook.layers.transformer_layer import TransformerLayer


@dataclass(frozen=True, kw_only=True)
class BloomConfig:
    """Sizes and rates of a BLOOM model; the defaults are those of the 176B one.

    Attributes:
        vocabulary_size: number of tokens.
        num_layers: number of transformer layers.
        num_heads: attention heads.
        hidden_dim: width of the residual stream; the feed-forward network is four times as wide.
        max_sequence_length: the longest context, in tokens: that of pretraining, though biases of
            distances have no end.
        layer_norm_epsilon: added to the variance in each norm.
        dropout: rate on each sub-layer's output, in training.
        attention_dropout: rate on the attention weights, in training.
        tie_word_embeddings: whether the output projection is the token embedding.
        initializer_range: standard deviation of fresh weights.
        start_token_id, end_token_id, pad_token_id: special tokens.
    """

    vocabulary_size: int = 250880
    num_layers: int = 70
    num_heads: int = 112
    hidden_dim: int = 14336
    max_sequence_length: int = 2048
    layer_norm_epsilon: float = 1e-5
    dropout: float = 0.0
    attention_dropout: float = 0.0
    tie_word_embeddings: bool = True
    initializer_range: float = 0.02
    start_token_id: int | None = 1
    end_token_id: int | tuple[int, ...] | None = 2
    pad_token_id: int | None = 3


def build(config: BloomConfig) -> Decoder:
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
                4 * config.hidden_dim, "gelu_new", kernel_initializer=init, name="feed_forward"
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
        embedding_norm=norm("embedding_norm"),
        position_bias=AlibiKeys(config.num_heads, name="position_bias"),
        layers=[layer(index) for index in range(config.num_layers)],
        final_norm=norm("final_norm"),
    )
