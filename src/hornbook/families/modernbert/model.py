"""The architecture: pre-normalised encoder with rotary positions and layers that see a window."""

from dataclasses import dataclass

from hornbook.backbones.encoder import Encoder
from hornbook.families.bert.model import embedding, initializer
from hornbook.families.layer_types import FULL, SLIDING
from hornbook.layers.attention import Attention, even_head_dim
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.norm import LayerNormalization
from hornbook.layers.rope import RotaryAngles
from hornbook.layers.transformer_layer import TransformerLayer


@dataclass(frozen=True, kw_only=True)
class ModernBertConfig:
    """Sizes, rates and switches of a ModernBERT model; the defaults are those of the base one.

    Attributes:
        vocabulary_size, num_layers, num_heads: numbers of tokens, layers and attention heads.
        hidden_dim, intermediate_dim: widths of the residual stream and the feed-forward network.
        max_sequence_length: the longest text, in tokens.
        layer_types: "full_attention" or "sliding_attention", a pattern that the layers repeat.
        local_attention: how many positions a layer sees where attention slides, half of them on
            each side.
        global_rope_max_wavelength, local_rope_max_wavelength: bases of the rotary frequencies
            where attention is full, and where it slides.
        activation: of the feed-forward network's gate.
        layer_norm_epsilon: added to the variance in each norm.
        norm_bias, attention_bias, feed_forward_bias: what has biases.
        embedding_dropout, attention_dropout, feed_forward_dropout: rates on the embeddings, on
            attention's weights and output, and inside the feed-forward network, in training.
        tie_word_embeddings: whether a masked language model's output is the token embedding.
        initializer_range: standard deviation of fresh weights.
        start_token_id, end_token_id, pad_token_id: special tokens.
    """

    vocabulary_size: int = 50368
    num_layers: int = 22
    num_heads: int = 12
    hidden_dim: int = 768
    intermediate_dim: int = 1152
    max_sequence_length: int = 8192
    layer_types: tuple[str, ...] = (FULL, SLIDING, SLIDING)
    local_attention: int = 128
    global_rope_max_wavelength: float = 160000.0
    local_rope_max_wavelength: float = 10000.0
    activation: str = "gelu"
    layer_norm_epsilon: float = 1e-5
    norm_bias: bool = False
    attention_bias: bool = False
    feed_forward_bias: bool = False
    embedding_dropout: float = 0.0
    attention_dropout: float = 0.0
    feed_forward_dropout: float = 0.0
    tie_word_embeddings: bool = True
    initializer_range: float = 0.02
    start_token_id: int | None = 50281
    end_token_id: int | tuple[int, ...] | None = 50282
    pad_token_id: int | None = 50283


def build(config: ModernBertConfig) -> Encoder:
    """Assembles the bricks."""
    init = initializer(config)
    head_dim = even_head_dim(config.hidden_dim, config.num_heads)
    types = [config.layer_types[i % len(config.layer_types)] for i in range(config.num_layers)]

    def norm(name: str) -> LayerNormalization:
        return LayerNormalization(config.layer_norm_epsilon, config.norm_bias, name=name)

    def layer(index: int, kind: str) -> TransformerLayer:
        return TransformerLayer(
            Attention(
                config.num_heads, config.num_heads, head_dim, use_bias=config.attention_bias,
                window=config.local_attention // 2 if kind == SLIDING else None,
                dropout=config.attention_dropout, kernel_initializer=init, name="attention",
            ),
            norm("attention_norm") if index else None,  # the embeddings' norm is that of the first
            FeedForward(
                config.intermediate_dim, config.activation, gated=True,
                use_bias=config.feed_forward_bias, dropout=config.feed_forward_dropout,
                kernel_initializer=init, name="feed_forward",
            ),
            norm("feed_forward_norm"),
            dropout=config.attention_dropout,
            feed_forward_dropout=0.0,
            name=f"layers_{index}",
        )  # fmt: skip

    rotaries = {
        FULL: RotaryAngles(head_dim, config.global_rope_max_wavelength, name="rotary"),
        SLIDING: RotaryAngles(head_dim, config.local_rope_max_wavelength, name="local_rotary"),
    }
    return Encoder(
        token_embedding=embedding(config, config.vocabulary_size, "token_embedding"),
        embedding_norm=norm("embedding_norm"),
        embedding_dropout=config.embedding_dropout,
        rotary=[rotaries[kind] for kind in types],
        layers=[layer(index, kind) for index, kind in enumerate(types)],
        final_norm=norm("final_norm"),
    )
