"""The architecture: a gated decoder with biases on queries, keys and values alone."""

from dataclasses import dataclass

from hornbook.backbones.decoder import Decoder
from hornbook.families.gated_decoder import DecoderConfig, attention, decoder
from hornbook.families.layer_types import WindowedLayers
from hornbook.layers.attention import Attention


@dataclass(frozen=True, kw_only=True)
class Qwen2Config(DecoderConfig, WindowedLayers):
    """Sizes and rates of a Qwen2 model; the defaults are those of Qwen2.5 7B."""

    vocabulary_size: int = 152064
    num_layers: int = 28
    num_query_heads: int = 28
    num_key_value_heads: int = 4
    hidden_dim: int = 3584
    intermediate_dim: int = 18944
    max_sequence_length: int = 131072
    rope_max_wavelength: float = 1000000.0
    start_token_id: int | None = 151643
    end_token_id: int | tuple[int, ...] | None = 151643


def biased_inputs(config: Qwen2Config, index: int) -> Attention:
    """A layer's attention."""
    window = config.window(index)
    return attention(config, index, use_bias=True, output_bias=False, window=window)


def build(config: Qwen2Config) -> Decoder:
    """Assembles the bricks."""
    return decoder(config, attention=biased_inputs)
