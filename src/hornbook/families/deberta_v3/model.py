"""The architecture: BERT's layers, whose attention keeps content and distance apart."""

from dataclasses import dataclass

from hornbook.backbones.encoder import Encoder
from hornbook.families.bert.model import embedding, initializer, norm
from hornbook.layers.attention import Attention, even_head_dim
from hornbook.layers.disentangled_scores import DisentangledScores, DistanceEmbedding
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.transformer_layer import TransformerLayer

CONTENT_TO_POSITION, POSITION_TO_CONTENT = "c2p", "p2c"


@dataclass(frozen=True, kw_only=True)
class DebertaV3Config:
    """Sizes and rates of a DeBERTaV3 model; the defaults are those of the base one.

    Attributes:
        vocabulary_size, num_layers, num_heads: numbers of tokens, layers and attention heads.
        hidden_dim, intermediate_dim: widths of the hidden states and the feed-forward network.
        max_sequence_length: the longest text that the model was trained on, in tokens.
        max_distance: the greatest distance of two tokens that is told from others; None for
            max_sequence_length.
        bucket_size: how many distances to each side have a vector of their own; None for all up to
            the greatest.
        position_attention: what distances are multiplied by: "c2p", queries, and "p2c", keys.
        activation: of the feed-forward network.
        layer_norm_epsilon: added to the variance in each norm.
        dropout: rate on the embeddings, on the vectors of distances and on each sub-layer's output,
            in training.
        attention_dropout: rate on the attention weights, in training.
        initializer_range: standard deviation of fresh weights.
        tie_word_embeddings: whether a masked language model's output is the token embedding.
        legacy: whether checkpoints have transformers' own head of a masked language model instead
            of the one of the pretraining, which is always tied.
        start_token_id, end_token_id, pad_token_id: special tokens.
    """

    vocabulary_size: int = 128100
    num_layers: int = 12
    num_heads: int = 12
    hidden_dim: int = 768
    intermediate_dim: int = 3072
    max_sequence_length: int = 512
    max_distance: int | None = None
    bucket_size: int | None = 256
    position_attention: tuple[str, ...] = (POSITION_TO_CONTENT, CONTENT_TO_POSITION)
    activation: str = "gelu"
    layer_norm_epsilon: float = 1e-7
    dropout: float = 0.1
    attention_dropout: float = 0.1
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True
    legacy: bool = True
    start_token_id: int | None = None
    end_token_id: int | tuple[int, ...] | None = None
    pad_token_id: int | None = 0


def build(config: DebertaV3Config) -> Encoder:
    """Assembles the bricks."""
    init = initializer(config)
    head_dim = even_head_dim(config.hidden_dim, config.num_heads)
    if not (config.legacy or config.tie_word_embeddings):
        raise ValueError("legacy is False, whose head is the token embedding, which isn't tied.")
    unknown = set(config.position_attention) - {CONTENT_TO_POSITION, POSITION_TO_CONTENT}
    if unknown or not config.position_attention:
        raise ValueError(
            f"position_attention is {config.position_attention}; expected 'c2p', 'p2c' or both."
        )

    def layer(index: int) -> TransformerLayer:
        return TransformerLayer(
            Attention(
                config.num_heads, config.num_heads, head_dim,
                scale=(head_dim * (1 + len(config.position_attention))) ** -0.5,
                relative=DisentangledScores(
                    CONTENT_TO_POSITION in config.position_attention,
                    POSITION_TO_CONTENT in config.position_attention,
                    config.dropout,
                    name="relative",
                ),
                dropout=config.attention_dropout, kernel_initializer=init, name="attention",
            ),
            norm(config, "attention_norm"),
            FeedForward(
                config.intermediate_dim, config.activation, kernel_initializer=init,
                name="feed_forward",
            ),
            norm(config, "feed_forward_norm"),
            norm_first=False,
            dropout=config.dropout,
            name=f"layers_{index}",
        )  # fmt: skip

    return Encoder(
        token_embedding=embedding(config, config.vocabulary_size, "token_embedding"),
        embedding_norm=norm(config, "embedding_norm"),
        embedding_dropout=config.dropout,
        attention_context=DistanceEmbedding(
            config.hidden_dim,
            config.max_distance or config.max_sequence_length,
            config.bucket_size,
            norm(config, "embedding_norm"),
            init,
            name="distances",
        ),
        layers=[layer(index) for index in range(config.num_layers)],
    )
