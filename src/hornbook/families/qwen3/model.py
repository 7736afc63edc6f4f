"""The architecture: a gated decoder that normalises the queries and keys of each head."""

from dataclasses import dataclass

from hornbook.backbones.decoder import Decoder
from hornbook.families.gated_decoder import DecoderConfig, biased_attention, decoder, norm
from hornbook.families.layer_types import WindowedLayers
from hornbook.layers.attention import Attention


@dataclass(frozen=True, kw_only=True)
class Qwen3Config(DecoderConfig, WindowedLayers):
    """Sizes and switches of a Qwen3 model; the defaults are those of Qwen3 8B.

    Attributes:
        head_dim: width of one head.
        attention_bias: whether the attention projections have biases.
    """

    vocabulary_size: int = 151936
    num_layers: int = 36
    num_key_value_heads: int = 8
    intermediate_dim: int = 12288
    head_dim: int = 128
    max_sequence_length: int = 40960
    rope_max_wavelength: float = 1000000.0
    attention_bias: bool = False
    start_token_id: int | None = 151643
    end_token_id: int | tuple[int, ...] | None = 151645


def normed_attention(config: Qwen3Config, index: int) -> Attention:
    """A layer's attention."""
    return biased_attention(
        config,
        index,
        window=config.window(index),
        query_norm=norm(config, "query_norm"),
        key_norm=norm(config, "key_norm"),
    )


def build(config: Qwen3Config) -> Decoder:
    """Assembles the bricks."""
    return decoder(config, attention=normed_attention)
