"""The architecture: post-normalised encoder with learned positions, segments and a pooler."""

from dataclasses import dataclass
from typing import Any

import keras

from hornbook.backbones.encoder import Encoder
from hornbook.layers.attention import Attention, even_head_dim
from hornbook.layers.embeddings import PositionEmbedding, ReversibleEmbedding
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.linear import Linear
from hornbook.layers.norm import LayerNormalization
from hornbook.layers.transformer_layer import TransformerLayer


@dataclass(frozen=True, kw_only=True)
class BertConfig:
    """Sizes and rates of a BERT model; the defaults are those of BERT base, uncased.

    Attributes:
        vocabulary_size: number of tokens.
        num_layers: number of transformer layers.
        num_heads: attention heads.
        hidden_dim: width of the hidden states.
        intermediate_dim: width of the feed-forward network.
        max_sequence_length: the longest text, in tokens.
        num_segments: how many segments `segment_ids` tells apart.
        activation: of the feed-forward network.
        layer_norm_epsilon: added to the variance in each norm.
        dropout: rate on the embeddings and on each sub-layer's output, in training.
        attention_dropout: rate on the attention weights, in training.
        initializer_range: standard deviation of fresh weights.
        tie_word_embeddings: whether a masked language model's output is the token embedding.
        start_token_id, end_token_id, pad_token_id: special tokens.
    """

    vocabulary_size: int = 30522
    num_layers: int = 12
    num_heads: int = 12
    hidden_dim: int = 768
    intermediate_dim: int = 3072
    max_sequence_length: int = 512
    num_segments: int = 2
    activation: str = "gelu"
    layer_norm_epsilon: float = 1e-12
    dropout: float = 0.1
    attention_dropout: float = 0.1
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True
    start_token_id: int | None = None
    end_token_id: int | tuple[int, ...] | None = None
    pad_token_id: int | None = 0


def build(config: BertConfig) -> Encoder:
    """Assembles the bricks."""
    return Encoder(
        token_embedding=embedding(config, config.vocabulary_size, "token_embedding"),
        position_embedding=PositionEmbedding(
            config.max_sequence_length, initializer(config), name="position_embedding"
        ),
        segment_embedding=embedding(config, config.num_segments, "segment_embedding"),
        embedding_norm=norm(config, "embedding_norm"),
        embedding_dropout=config.dropout,
        layers=[layer(config, f"layers_{index}") for index in range(config.num_layers)],
        pooler=pooler(config),
    )


# What follows makes the bricks of every model of this kind: `config` may be another family's.


def layer(config: Any, name: str) -> TransformerLayer:
    """One layer; each part's output is added to its input, and the sum normalised."""
    return TransformerLayer(
        Attention(
            config.num_heads,
            config.num_heads,
            even_head_dim(config.hidden_dim, config.num_heads),
            dropout=config.attention_dropout,
            kernel_initializer=initializer(config),
            name="attention",
        ),
        norm(config, "attention_norm"),
        FeedForward(
            config.intermediate_dim,
            config.activation,
            kernel_initializer=initializer(config),
            name="feed_forward",
        ),
        norm(config, "feed_forward_norm"),
        norm_first=False,
        dropout=config.dropout,
        name=name,
    )


def embedding(config: Any, size: int, name: str, width: int | None = None) -> ReversibleEmbedding:
    """Vectors of `size` ids, as wide as the layers unless `width` says otherwise."""
    return ReversibleEmbedding(
        size, width or config.hidden_dim, embeddings_initializer=initializer(config), name=name
    )


def norm(config: Any, name: str) -> LayerNormalization:
    """A norm."""
    return LayerNormalization(config.layer_norm_epsilon, name=name)


def pooler(config: Any) -> Linear:
    """What makes a summary of the first token's state."""
    return Linear(config.hidden_dim, kernel_initializer=initializer(config), name="pooler")


def initializer(config: Any) -> keras.initializers.Initializer:
    """Of all matrices."""
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)
