"""The architecture: Qwen2's, with experts and a network that all tokens share."""

from dataclasses import dataclass

from hornbook.backbones.decoder import Decoder
from hornbook.families.expert_layers import SparseLayers, load_balance, mixture
from hornbook.families.gated_decoder import attention, decoder, feed_forward, initializer
from hornbook.families.qwen2.model import Qwen2Config
from hornbook.layers.attention import Attention
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.mixture_of_experts import MixtureOfExperts


@dataclass(frozen=True, kw_only=True)
class Qwen2MoeConfig(SparseLayers, Qwen2Config):
    """Sizes and rates of a Qwen2-MoE model; the defaults are those of Qwen1.5-MoE-A2.7B.

    Attributes:
        shared_expert_intermediate_dim: width of the network that all tokens share.
        attention_bias: whether queries, keys and values have biases.
    """

    vocabulary_size: int = 151936
    num_layers: int = 24
    num_query_heads: int = 16
    num_key_value_heads: int = 16
    hidden_dim: int = 2048
    intermediate_dim: int = 5632
    max_sequence_length: int = 8192
    num_experts: int = 60
    top_k: int = 4
    shared_expert_intermediate_dim: int = 5632
    attention_bias: bool = True


def build(config: Qwen2MoeConfig) -> Decoder:
    """Assembles the bricks."""

    def biased(config: Qwen2MoeConfig, index: int) -> Attention:
        bias, window = config.attention_bias, config.window(index)
        return attention(config, index, use_bias=bias, output_bias=False, window=window)

    def experts(config: Qwen2MoeConfig, index: int) -> FeedForward | MixtureOfExperts:
        if not config.has_experts(index):
            return feed_forward(config, index)
        shared = FeedForward(
            config.shared_expert_intermediate_dim,
            config.activation,
            gated=True,
            use_bias=False,
            kernel_initializer=initializer(config),
            name="shared",
        )
        return mixture(
            config,
            config.moe_intermediate_dim,
            normalize=config.norm_top_k_prob,
            shared=shared,
            gate_shared=True,
        )

    balance = load_balance(config)
    return decoder(config, attention=biased, feed_forward=experts, load_balance=balance)
