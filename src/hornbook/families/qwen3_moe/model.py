"""The architecture: Qwen3's, with experts."""

from dataclasses import dataclass

from hornbook.backbones.decoder import Decoder
from hornbook.families.expert_layers import SparseLayers, load_balance, mixture
from hornbook.families.gated_decoder import DecoderConfig, decoder, feed_forward
from hornbook.families.qwen3.model import normed_attention
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.mixture_of_experts import MixtureOfExperts


@dataclass(frozen=True, kw_only=True)
class Qwen3MoeConfig(SparseLayers, DecoderConfig):
    """Sizes and switches of a Qwen3-MoE model; the defaults are those of Qwen3 30B-A3B.

    Attributes:
        head_dim: width of one head.
        attention_bias: whether the attention projections have biases.
        sliding_window: how many of the last tokens a layer sees, its own included; None for all.
    """

    vocabulary_size: int = 151936
    num_layers: int = 48
    num_key_value_heads: int = 4
    hidden_dim: int = 2048
    intermediate_dim: int = 6144
    head_dim: int = 128
    max_sequence_length: int = 40960
    rope_max_wavelength: float = 1000000.0
    attention_bias: bool = False
    sliding_window: int | None = None
    num_experts: int = 128
    top_k: int = 8
    moe_intermediate_dim: int = 768
    norm_top_k_prob: bool = True
    start_token_id: int | None = 151643
    end_token_id: int | tuple[int, ...] | None = 151645

    def window(self, index: int) -> int | None:
        """The window of a layer, which is that of all."""
        return self.sliding_window


def build(config: Qwen3MoeConfig) -> Decoder:
    """Assembles the bricks."""

    def experts(config: Qwen3MoeConfig, index: int) -> FeedForward | MixtureOfExperts:
        if not config.has_experts(index):
            return feed_forward(config, index)
        width, normalize = config.moe_intermediate_dim, config.norm_top_k_prob
        return mixture(config, width, normalize=normalize)

    balance = load_balance(config)
    return decoder(config, attention=normed_attention, feed_forward=experts, load_balance=balance)
