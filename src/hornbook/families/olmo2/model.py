"""The architecture: a gated decoder that normalises what its parts give, and queries and keys."""

from dataclasses import dataclass

from hornbook.backbones.decoder import Decoder
from hornbook.families.gated_decoder import DecoderConfig, biased_attention, decoder, norm
from hornbook.layers.attention import Attention

NORMS = ("attention_output_norm", "feed_forward_output_norm")


@dataclass(frozen=True, kw_only=True)
class Olmo2Config(DecoderConfig):
    """Sizes and switches of an OLMo 2 model; the defaults are those of OLMo 2 7B.

    Attributes:
        attention_bias: whether the attention projections have biases.
    """

    vocabulary_size: int = 100352
    max_sequence_length: int = 4096
    rope_max_wavelength: float = 500000.0
    attention_bias: bool = False
    start_token_id: int | None = None
    end_token_id: int | tuple[int, ...] | None = 100257
    pad_token_id: int | None = 100277


def normed_attention(config: Olmo2Config, index: int) -> Attention:
    """A layer's attention, which normalises the features of all heads together."""
    norms = {name: norm(config, name) for name in ("query_norm", "key_norm")}
    return biased_attention(config, index, **norms, norm_each_head=False)


def build(config: Olmo2Config) -> Decoder:
    """Assembles the bricks."""
    return decoder(config, attention=normed_attention, norms=NORMS)
