"""The architecture: Mistral's, with experts in the place of each layer's network."""

from dataclasses import dataclass

from hornbook.backbones.decoder import Decoder
from hornbook.families.expert_layers import ExpertLayers, load_balance, mixture
from hornbook.families.gated_decoder import attention, decoder
from hornbook.families.mistral.model import MistralConfig
from hornbook.layers.attention import Attention
from hornbook.layers.mixture_of_experts import MixtureOfExperts


@dataclass(frozen=True, kw_only=True)
class MixtralConfig(ExpertLayers, MistralConfig):
    """Sizes and rates of a Mixtral model; the defaults are those of Mixtral 8x7B.

    Attributes:
        intermediate_dim: width of one expert.
    """

    rope_max_wavelength: float = 1000000.0
    sliding_window: int | None = None


def build(config: MixtralConfig) -> Decoder:
    """Assembles the bricks."""

    def windowed(config: MixtralConfig, index: int) -> Attention:
        return attention(config, index, window=config.sliding_window)

    def experts(config: MixtralConfig, index: int) -> MixtureOfExperts:
        return mixture(config, config.intermediate_dim)

    balance = load_balance(config)
    return decoder(config, attention=windowed, feed_forward=experts, load_balance=balance)
