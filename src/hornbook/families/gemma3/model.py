"""The architecture: Gemma 2's with norms of queries and keys, and two bases of rotation."""

from dataclasses import dataclass

from hornbook.backbones.decoder import Decoder
from hornbook.families.gated_decoder import rotary
from hornbook.families.gemma.model import GemmaConfig, norm
from hornbook.families.gemma2 import model as gemma2
from hornbook.families.layer_types import FULL, SLIDING, WindowedLayers
from hornbook.layers.attention import Attention
from hornbook.layers.rope import RotaryAngles


@dataclass(frozen=True, kw_only=True)
class Gemma3Config(GemmaConfig, WindowedLayers):
    """Sizes and switches of a Gemma 3 text model; the defaults are those of Gemma 3 1B.

    Attributes:
        activation: of the feed-forward network's gate.
        rope_max_wavelength: base of the rotary frequencies of layers without a window.
        rope_scaling: how these frequencies are stretched, or None.
        local_rope_max_wavelength: base of the rotary frequencies of layers with a window.
        query_pre_attn_scalar: attention scores are divided by its square root.
        final_logit_softcap: what a language model's logits stay within; None for no limit.
    """

    vocabulary_size: int = 262144
    num_layers: int = 26
    num_query_heads: int = 4
    hidden_dim: int = 1152
    intermediate_dim: int = 6912
    max_sequence_length: int = 32768
    sliding_window: int | None = 512
    layer_types: tuple[str, ...] = (SLIDING,) * 5 + (FULL,)
    rope_max_wavelength: float = 1000000.0
    local_rope_max_wavelength: float = 10000.0
    query_pre_attn_scalar: int = 256
    final_logit_softcap: float | None = None

    def __post_init__(self) -> None:
        """Every activation is what it is called."""


def normed_attention(config: Gemma3Config, index: int) -> Attention:
    """A layer's attention."""
    norms = {name: norm(config, name) for name in ("query_norm", "key_norm")}
    return gemma2.windowed_attention(config, index, **norms)


def build(config: Gemma3Config) -> Decoder:
    """Assembles the bricks."""
    far = rotary(config, config.head_dim)
    near = RotaryAngles(config.head_dim, config.local_rope_max_wavelength, name="local_rotary")
    of_layers = [near if config.is_windowed(i) else far for i in range(config.num_layers)]
    return gemma2.build(config, attention=normed_attention, rotary=of_layers)
