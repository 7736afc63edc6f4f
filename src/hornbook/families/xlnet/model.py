"""The architecture: a post-normalised encoder that knows positions by their distances only."""

from dataclasses import dataclass
from typing import ClassVar

import keras

from hornbook.backbones.encoder import Encoder
from hornbook.families.bert.model import embedding, norm
from hornbook.layers.attention import Attention, even_head_dim
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.segmented_scores import DistanceEncoding, SegmentedScores
from hornbook.layers.transformer_layer import TransformerLayer


@dataclass(frozen=True, kw_only=True)
class XLNetConfig:
    """Sizes and rates of an XLNet model; the defaults are those of XLNet base.

    Attributes:
        vocabulary_size: number of tokens.
        num_layers: number of transformer layers.
        num_heads: attention heads.
        hidden_dim: width of the hidden states.
        intermediate_dim: width of the feed-forward network.
        max_distance: the greatest distance of two tokens that is told from others; None for no
            limit.
        activation: of the feed-forward network.
        layer_norm_epsilon: added to the variance in each norm.
        dropout: rate on embeddings, encodings of distances, attention weights, inside the
            feed-forward network and on the outputs, in training.
        initializer_range: standard deviation of fresh weights.
        tie_word_embeddings: whether a language model's output is the token embedding.
        start_token_id, end_token_id, pad_token_id: special tokens.
    """

    vocabulary_size: int = 32000
    num_layers: int = 12
    num_heads: int = 12
    hidden_dim: int = 768
    intermediate_dim: int = 3072
    max_distance: int | None = None
    activation: str = "gelu"
    layer_norm_epsilon: float = 1e-12
    dropout: float = 0.1
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True
    start_token_id: int | None = 1
    end_token_id: int | tuple[int, ...] | None = 2
    pad_token_id: int | None = 5

    max_sequence_length: ClassVar[int] = 512
    """What the model was trained on; it knows distances only, and has no limit."""
    num_segments: ClassVar[int] = 3
    """Of a pair of texts and the token that stands for both; only whether they differ counts."""


def build(config: XLNetConfig) -> Encoder:
    """Assembles the bricks."""
    init = keras.initializers.TruncatedNormal(stddev=config.initializer_range)
    head_dim = even_head_dim(config.hidden_dim, config.num_heads)

    def layer(index: int) -> TransformerLayer:
        return TransformerLayer(
            Attention(
                config.num_heads, config.num_heads, head_dim, use_bias=False,
                relative=SegmentedScores(config.num_heads, head_dim, init, name="relative"),
                dropout=config.dropout, kernel_initializer=init, name="attention",
            ),
            norm(config, "attention_norm"),
            FeedForward(
                config.intermediate_dim, config.activation, dropout=config.dropout,
                kernel_initializer=init, name="feed_forward",
            ),
            norm(config, "feed_forward_norm"),
            norm_first=False,
            dropout=config.dropout,
            name=f"layers_{index}",
        )  # fmt: skip

    return Encoder(
        token_embedding=embedding(config, config.vocabulary_size, "token_embedding"),
        embedding_dropout=config.dropout,
        attention_context=DistanceEncoding(
            config.hidden_dim, config.max_distance, config.dropout, name="distances"
        ),
        layers=[layer(index) for index in range(config.num_layers)],
        output_dropout=config.dropout,
    )
