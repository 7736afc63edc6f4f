"""The architecture: BERT's without segments, with biases of scores that all layers share."""

from dataclasses import dataclass
from typing import ClassVar

from hornbook.backbones.encoder import Encoder
from hornbook.families.bert.model import embedding, initializer, layer, norm, pooler
from hornbook.layers.embeddings import PositionEmbedding
from hornbook.layers.relative_position_bias import RelativePositionBias


@dataclass(frozen=True, kw_only=True)
class MPNetConfig:
    """Sizes and rates of an MPNet model; the defaults are those of MPNet base.

    Attributes:
        vocabulary_size: number of tokens.
        num_layers: number of transformer layers.
        num_heads: attention heads.
        hidden_dim: width of the hidden states.
        intermediate_dim: width of the feed-forward network.
        max_sequence_length: the longest text, in tokens.
        activation: of the feed-forward network.
        layer_norm_epsilon: added to the variance in each norm.
        dropout: rate on the embeddings and on each sub-layer's output, in training.
        attention_dropout: rate on the attention weights, in training.
        initializer_range: standard deviation of fresh weights.
        tie_word_embeddings: whether a masked language model's output is the token embedding.
        start_token_id, end_token_id: special tokens.
    """

    vocabulary_size: int = 30527
    num_layers: int = 12
    num_heads: int = 12
    hidden_dim: int = 768
    intermediate_dim: int = 3072
    max_sequence_length: int = 512
    activation: str = "gelu"
    layer_norm_epsilon: float = 1e-5
    dropout: float = 0.1
    attention_dropout: float = 0.1
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True
    start_token_id: int | None = 0
    end_token_id: int | tuple[int, ...] | None = 2

    pad_token_id: ClassVar[int] = 1
    num_buckets: ClassVar[int] = 32


def build(config: MPNetConfig) -> Encoder:
    """Assembles the bricks."""
    init = initializer(config)
    return Encoder(
        token_embedding=embedding(config, config.vocabulary_size, "token_embedding"),
        position_embedding=PositionEmbedding(
            config.max_sequence_length,
            init,
            offset=config.pad_token_id + 1,
            name="position_embedding",
        ),
        embedding_norm=norm(config, "embedding_norm"),
        embedding_dropout=config.dropout,
        position_bias=RelativePositionBias(
            config.num_heads, config.num_buckets, initializer=init, name="position_bias"
        ),
        layers=[layer(config, f"layers_{index}") for index in range(config.num_layers)],
        pooler=pooler(config),
        counts_padding=False,
    )
