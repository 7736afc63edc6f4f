"""The architecture: a gated decoder of which some layers don't rotate queries and keys (NoPE)."""

from dataclasses import dataclass

from hornbook.backbones.decoder import Decoder
from hornbook.families.gated_decoder import (
    DecoderConfig,
    biased_attention,
    biased_feed_forward,
    decoder,
    rotary,
)
from hornbook.families.layer_types import WindowedLayers
from hornbook.layers.attention import Attention


@dataclass(frozen=True, kw_only=True)
class SmolLM3Config(DecoderConfig, WindowedLayers):
    """Sizes and switches of a SmolLM3 model; the defaults are those of SmolLM3 3B.

    Attributes:
        rope_layers: for each layer, whether queries and keys are rotated; a shorter tuple is
            repeated.
        attention_bias: whether the attention projections have biases.
        feed_forward_bias: whether the feed-forward projections have biases.
    """

    vocabulary_size: int = 128256
    num_layers: int = 36
    num_query_heads: int = 16
    num_key_value_heads: int = 4
    hidden_dim: int = 2048
    max_sequence_length: int = 65536
    rope_max_wavelength: float = 5000000.0
    rope_layers: tuple[bool, ...] = (True, True, True, False)
    attention_bias: bool = False
    feed_forward_bias: bool = False
    tie_word_embeddings: bool = True
    start_token_id: int | None = 128000
    end_token_id: int | tuple[int, ...] | None = 128012
    pad_token_id: int | None = 128004


def build(config: SmolLM3Config) -> Decoder:
    """Assembles the bricks."""

    def attention(config: SmolLM3Config, index: int) -> Attention:
        return biased_attention(config, index, window=config.window(index))

    rope = rotary(config, config.head_dim)
    rotates = [config.rope_layers[i % len(config.rope_layers)] for i in range(config.num_layers)]
    return decoder(
        config,
        attention=attention,
        feed_forward=biased_feed_forward,
        rotary=[rope if rotated else None for rotated in rotates],
    )
