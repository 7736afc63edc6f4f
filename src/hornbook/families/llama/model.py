"""The architecture: pre-normalised decoder with grouped queries, rotary positions and SwiGLU."""

from dataclasses import dataclass

import keras

from hornbook.backbones.decoder import Decoder
from hornbook.layers.attention import Attention
from hornbook.layers.embeddings import ReversibleEmbedding
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.norm import RMSNormalization
from hornbook.layers.rope import RotaryAngles
from hornbook.layers.rope_scaling import RopeScaling
from hornbook.layers.transformer_layer import TransformerLayer


@dataclass(frozen=True, kw_only=True)
class LlamaConfig:
    """Sizes and switches of a Llama model; the defaults are those of Llama 2 7B.

    Attributes:
        vocabulary_size: number of tokens.
        num_layers: number of transformer layers.
        num_query_heads: attention heads.
        num_key_value_heads: key and value heads, which groups of query heads share.
        hidden_dim: width of the residual stream.
        intermediate_dim: width of the feed-forward network.
        head_dim: width of one head.
        max_sequence_length: the longest context, in tokens.
        rope_max_wavelength: base of the rotary frequencies.
        rope_scaling: how the frequencies are stretched, or None.
        layer_norm_epsilon: added to the mean square in each norm.
        activation: of the feed-forward network's gate.
        attention_bias: whether the attention projections have biases.
        feed_forward_bias: whether the feed-forward projections have biases.
        attention_dropout: rate on the attention weights, in training.
        tie_word_embeddings: whether the output projection is the token embedding.
        initializer_range: standard deviation of fresh weights.
        start_token_id, end_token_id, pad_token_id: special tokens; there may be several ends.
    """

    vocabulary_size: int = 32000
    num_layers: int = 32
    num_query_heads: int = 32
    num_key_value_heads: int = 32
    hidden_dim: int = 4096
    intermediate_dim: int = 11008
    head_dim: int = 128
    max_sequence_length: int = 2048
    rope_max_wavelength: float = 10000.0
    rope_scaling: RopeScaling | None = None
    layer_norm_epsilon: float = 1e-6
    activation: str = "silu"
    attention_bias: bool = False
    feed_forward_bias: bool = False
    attention_dropout: float = 0.0
    tie_word_embeddings: bool = False
    initializer_range: float = 0.02
    start_token_id: int | None = 1
    end_token_id: int | tuple[int, ...] | None = 2
    pad_token_id: int | None = None


def build(config: LlamaConfig) -> Decoder:
    """Assembles the bricks."""
    init = keras.initializers.RandomNormal(stddev=config.initializer_range)

    def norm(name: str) -> RMSNormalization:
        return RMSNormalization(config.layer_norm_epsilon, name=name)

    def layer(index: int) -> TransformerLayer:
        return TransformerLayer(
            Attention(
                config.num_query_heads,
                config.num_key_value_heads,
                config.head_dim,
                use_bias=config.attention_bias,
                dropout=config.attention_dropout,
                kernel_initializer=init,
                name="attention",
            ),
            norm("attention_norm"),
            FeedForward(
                config.intermediate_dim,
                config.activation,
                gated=True,
                use_bias=config.feed_forward_bias,
                kernel_initializer=init,
                name="feed_forward",
            ),
            norm("feed_forward_norm"),
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
            config.head_dim, config.rope_max_wavelength, config.rope_scaling, name="rotary"
        ),
        layers=[layer(index) for index in range(config.num_layers)],
        final_norm=norm("final_norm"),
    )
