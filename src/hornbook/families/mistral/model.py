"""The architecture: a gated decoder of which every layer sees a window of the last tokens."""

from dataclasses import dataclass

from hornbook.backbones.decoder import Decoder
from hornbook.families.gated_decoder import DecoderConfig, attention, decoder
from hornbook.layers.attention import Attention


@dataclass(frozen=True, kw_only=True)
class MistralConfig(DecoderConfig):
    """Sizes and rates of a Mistral model; the defaults are those of Mistral 7B v0.1.

    Attributes:
        head_dim: width of one head.
        sliding_window: how many of the last tokens a layer sees, its own included; None for all.
    """

    num_key_value_heads: int = 8
    intermediate_dim: int = 14336
    head_dim: int = 128
    max_sequence_length: int = 32768
    layer_norm_epsilon: float = 1e-5
    sliding_window: int | None = 4096


def build(config: MistralConfig) -> Decoder:
    """Assembles the bricks."""

    def windowed(config: MistralConfig, index: int) -> Attention:
        return attention(config, index, window=config.sliding_window)

    return decoder(config, attention=windowed)
