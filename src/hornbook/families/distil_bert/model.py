"""The architecture: BERT's layers without segments and without a pooler."""

from dataclasses import dataclass
from typing import ClassVar

from hornbook.backbones.encoder import Encoder
from hornbook.families.bert.model import embedding, initializer, layer, norm
from hornbook.layers.embeddings import PositionEmbedding


@dataclass(frozen=True, kw_only=True)
class DistilBertConfig:
    """Sizes and rates of a DistilBERT model; the defaults are those of DistilBERT base, uncased.

    Attributes:
        vocabulary_size: number of tokens.
        num_layers: number of transformer layers.
        num_heads: attention heads.
        hidden_dim: width of the hidden states.
        intermediate_dim: width of the feed-forward network.
        max_sequence_length: the longest text, in tokens.
        activation: of the feed-forward network.
        dropout: rate on the embeddings and on each sub-layer's output, in training.
        attention_dropout: rate on the attention weights, in training.
        initializer_range: standard deviation of fresh weights.
        tie_word_embeddings: whether a masked language model's output is the token embedding.
        start_token_id, end_token_id, pad_token_id: special tokens.
    """

    vocabulary_size: int = 30522
    num_layers: int = 6
    num_heads: int = 12
    hidden_dim: int = 768
    intermediate_dim: int = 3072
    max_sequence_length: int = 512
    activation: str = "gelu"
    dropout: float = 0.1
    attention_dropout: float = 0.1
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True
    start_token_id: int | None = None
    end_token_id: int | tuple[int, ...] | None = None
    pad_token_id: int | None = 0

    layer_norm_epsilon: ClassVar[float] = 1e-12


def build(config: DistilBertConfig) -> Encoder:
    """Assembles the bricks."""
    return Encoder(
        token_embedding=embedding(config, config.vocabulary_size, "token_embedding"),
        position_embedding=PositionEmbedding(
            config.max_sequence_length, initializer(config), name="position_embedding"
        ),
        embedding_norm=norm(config, "embedding_norm"),
        embedding_dropout=config.dropout,
        layers=[layer(config, f"layers_{index}") for index in range(config.num_layers)],
    )
