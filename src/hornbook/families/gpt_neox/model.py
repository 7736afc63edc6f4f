"""The architecture: decoder that rotates a share of each head, its two parts side by side."""

from dataclasses import dataclass

import keras

from hornbook.backbones.decoder import Decoder
from hornbook.layers.attention import Attention, even_head_dim
from hornbook.layers.embeddings import ReversibleEmbedding
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.norm import LayerNormalization
from hornbook.layers.rope import RotaryAngles
from hornbook.layers.rope_scaling import RopeScaling
from hornbook.layers.transformer_layer import TransformerLayer


@dataclass(frozen=True, kw_only=True)
class GPTNeoXConfig:
    """Sizes, rates and switches of a GPT-NeoX model; the defaults are those of the 20B one.

    Attributes:
        vocabulary_size: number of tokens.
        num_layers: number of transformer layers.
        num_heads: attention heads.
        hidden_dim: width of the residual stream.
        intermediate_dim: width of the feed-forward network.
        max_sequence_length: the longest context, in tokens.
        activation: of the feed-forward network.
        parallel: whether the feed-forward network reads the layer's inputs, and not what attention
            makes of them.
        rope_max_wavelength: base of the rotary frequencies.
        rope_scaling: how the frequencies are stretched, or None.
        partial_rotary_factor: the share of each head's features that is rotated.
        layer_norm_epsilon: added to the variance in each norm.
        attention_bias: whether the attention projections have biases.
        dropout: rate on the embeddings and on each sub-layer's output, in training.
        attention_dropout: rate on the attention weights, in training.
        tie_word_embeddings: whether the output projection is the token embedding.
        initializer_range: standard deviation of fresh weights.
        start_token_id, end_token_id, pad_token_id: special tokens.
    """

    vocabulary_size: int = 50432
    num_layers: int = 44
    num_heads: int = 64
    hidden_dim: int = 6144
    intermediate_dim: int = 24576
    max_sequence_length: int = 2048
    activation: str = "gelu_fast"
    parallel: bool = True
    rope_max_wavelength: float = 10000.0
    rope_scaling: RopeScaling | None = None
    partial_rotary_factor: float = 0.25
    layer_norm_epsilon: float = 1e-5
    attention_bias: bool = True
    dropout: float = 0.0
    attention_dropout: float = 0.0
    tie_word_embeddings: bool = False
    initializer_range: float = 0.02
    start_token_id: int | None = 0
    end_token_id: int | tuple[int, ...] | None = 0
    pad_token_id: int | None = None


def build(config: GPTNeoXConfig) -> Decoder:
    """Assembles the bricks."""
    init = keras.initializers.RandomNormal(stddev=config.initializer_range)
    head_dim = even_head_dim(config.hidden_dim, config.num_heads)

    def norm(name: str) -> LayerNormalization:
        return LayerNormalization(config.layer_norm_epsilon, name=name)

    def layer(index: int) -> TransformerLayer:
        return TransformerLayer(
            Attention(
                config.num_heads,
                config.num_heads,
                head_dim,
                use_bias=config.attention_bias,
                dropout=config.attention_dropout,
                kernel_initializer=init,
                name="attention",
            ),
            norm("attention_norm"),
            FeedForward(
                config.intermediate_dim,
                config.activation,
                kernel_initializer=init,
                name="feed_forward",
            ),
            norm("feed_forward_norm"),
            parallel=config.parallel,
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
        rotary=RotaryAngles(
            int(head_dim * config.partial_rotary_factor),
            config.rope_max_wavelength,
            config.rope_scaling,
            name="rotary",
        ),
        embedding_dropout=config.dropout,
        layers=[layer(index) for index in range(config.num_layers)],
        final_norm=norm("final_norm"),
    )
