"""The architecture: pre-normalised decoder with grouped queries, rotary positions and SwiGLU."""

from dataclasses import dataclass

from hornbook.backbones.decoder import Decoder
from hornbook.families.gated_decoder import (
    DecoderConfig,
    biased_attention,
    biased_feed_forward,
    decoder,
)


@dataclass(frozen=True, kw_only=True)
class LlamaConfig(DecoderConfig):
    """Sizes and switches of a Llama model; the defaults are those of Llama 2 7B.

    Attributes:
        head_dim: width of one head.
        attention_bias: whether the attention projections have biases.
        feed_forward_bias: whether the feed-forward projections have biases.
    """

    head_dim: int = 128
    attention_bias: bool = False
    feed_forward_bias: bool = False


def build(config: LlamaConfig) -> Decoder:
    """Assembles the bricks."""
    return decoder(config, attention=biased_attention, feed_forward=biased_feed_forward)
