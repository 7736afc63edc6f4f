"""The architecture: a gated decoder that may rotate a share of each head and see a window."""

from dataclasses import dataclass

from hornbook.backbones.decoder import Decoder
from hornbook.families.gated_decoder import DecoderConfig, attention, decoder, rotary
from hornbook.layers.attention import Attention


@dataclass(frozen=True, kw_only=True)
class Phi3Config(DecoderConfig):
    """Sizes and rates of a Phi-3 model; the defaults are those of Phi-3 mini 4k.

    Attributes:
        partial_rotary_factor: the share of each head's features that is rotated.
        sliding_window: how many of the last tokens a layer sees, its own included; None for all.
        dropout: rate on each sub-layer's output, in training.
    """

    vocabulary_size: int = 32064
    hidden_dim: int = 3072
    intermediate_dim: int = 8192
    max_sequence_length: int = 4096
    layer_norm_epsilon: float = 1e-5
    partial_rotary_factor: float = 1.0
    sliding_window: int | None = 2047
    dropout: float = 0.0
    end_token_id: int | tuple[int, ...] | None = 32000
    pad_token_id: int | None = 32000


def build(config: Phi3Config) -> Decoder:
    """Assembles the bricks."""

    def windowed(config: Phi3Config, index: int) -> Attention:
        return attention(config, index, window=config.sliding_window)

    return decoder(
        config,
        attention=windowed,
        layer_changes={"dropout": config.dropout},
        rotary=rotary(config, int(config.head_dim * config.partial_rotary_factor)),
    )
