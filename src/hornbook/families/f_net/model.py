"""The architecture: BERT's, with tokens mixed by Fourier transforms instead of attention."""

from dataclasses import dataclass

from hornbook.backbones.encoder import Encoder
from hornbook.families.bert.model import embedding, initializer, norm, pooler
from hornbook.layers.embeddings import PositionEmbedding
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.fourier import FourierMixing
from hornbook.layers.linear import Linear
from hornbook.layers.transformer_layer import TransformerLayer


@dataclass(frozen=True, kw_only=True)
class FNetConfig:
    """Sizes and rates of an FNet model; the defaults are those of FNet base.

    Attributes:
        vocabulary_size: number of tokens.
        num_layers: number of layers.
        hidden_dim: width of the hidden states.
        intermediate_dim: width of the feed-forward network.
        max_sequence_length: the longest text, in tokens.
        num_segments: how many segments `segment_ids` tells apart.
        activation: of the feed-forward network.
        layer_norm_epsilon: added to the variance in each norm.
        dropout: rate on the embeddings and on the feed-forward network's output, in training.
        initializer_range: standard deviation of fresh weights.
        tie_word_embeddings: whether a masked language model's output is the token embedding.
        start_token_id, end_token_id, pad_token_id: special tokens.
    """

    vocabulary_size: int = 32000
    num_layers: int = 12
    hidden_dim: int = 768
    intermediate_dim: int = 3072
    max_sequence_length: int = 512
    num_segments: int = 4
    activation: str = "gelu_new"
    layer_norm_epsilon: float = 1e-12
    dropout: float = 0.1
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True
    start_token_id: int | None = 1
    end_token_id: int | tuple[int, ...] | None = 2
    pad_token_id: int | None = 3


def build(config: FNetConfig) -> Encoder:
    """Assembles the bricks."""
    init = initializer(config)

    def layer(index: int) -> TransformerLayer:
        return TransformerLayer(
            FourierMixing(name="attention"),
            norm(config, "attention_norm"),
            FeedForward(
                config.intermediate_dim,
                config.activation,
                kernel_initializer=init,
                name="feed_forward",
            ),
            norm(config, "feed_forward_norm"),
            norm_first=False,
            feed_forward_dropout=config.dropout,
            name=f"layers_{index}",
        )

    return Encoder(
        token_embedding=embedding(config, config.vocabulary_size, "token_embedding"),
        position_embedding=PositionEmbedding(
            config.max_sequence_length, init, name="position_embedding"
        ),
        segment_embedding=embedding(config, config.num_segments, "segment_embedding"),
        embedding_norm=norm(config, "embedding_norm"),
        input_projection=Linear(
            config.hidden_dim, kernel_initializer=init, name="input_projection"
        ),
        embedding_dropout=config.dropout,
        dropout_last=True,
        layers=[layer(index) for index in range(config.num_layers)],
        pooler=pooler(config),
    )
