"""The architecture: Gemma's with norms on both sides of each part, soft caps and local layers."""

from dataclasses import dataclass
from typing import Any

from hornbook.backbones.decoder import Decoder
from hornbook.families.gated_decoder import biased_attention
from hornbook.families.gemma import model as gemma
from hornbook.families.layer_types import FULL, SLIDING, WindowedLayers
from hornbook.layers.attention import Attention

NORMS = (
    "attention_norm", "attention_output_norm", "feed_forward_norm", "feed_forward_output_norm",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Gemma2Config(gemma.GemmaConfig, WindowedLayers):
    """Sizes and switches of a Gemma 2 model; the defaults are those of Gemma 2 2B.

    Attributes:
        activation: of the feed-forward network's gate.
        query_pre_attn_scalar: attention scores are divided by its square root.
        attention_logit_softcap: what attention scores stay within; None for no limit.
        final_logit_softcap: what a language model's logits stay within; None for no limit.
    """

    num_layers: int = 26
    num_key_value_heads: int = 4
    hidden_dim: int = 2304
    intermediate_dim: int = 9216
    sliding_window: int | None = 4096
    layer_types: tuple[str, ...] = (SLIDING, FULL)
    query_pre_attn_scalar: int = 256
    attention_logit_softcap: float | None = 50.0
    final_logit_softcap: float | None = 30.0

    def __post_init__(self) -> None:
        """Every activation is what it is called."""


def windowed_attention(config: Any, index: int, **changes: Any) -> Attention:
    """A layer's attention; `changes` are arguments of `Attention`."""
    scale = config.query_pre_attn_scalar**-0.5
    return biased_attention(config, index, window=config.window(index), scale=scale, **changes)


def capped_attention(config: Gemma2Config, index: int) -> Attention:
    """A layer's attention, with soft caps on the scores."""
    return windowed_attention(config, index, softcap=config.attention_logit_softcap)


def build(config: Any, **changes: Any) -> Decoder:
    """Assembles the bricks; `changes` are those of `decoder`."""
    changes = {"attention": capped_attention, "norms": NORMS, **changes}
    return gemma.build(config, logit_softcap=config.final_logit_softcap, **changes)
