"""The architecture: a gated decoder with scaled embeddings, and norms that multiply by 1 + w."""

from dataclasses import dataclass
from typing import Any

import keras

from hornbook.backbones.decoder import Decoder
from hornbook.families.gated_decoder import DecoderConfig, biased_attention, decoder
from hornbook.layers.norm import RMSNormalization


@dataclass(frozen=True, kw_only=True)
class GemmaConfig(DecoderConfig):
    """Sizes and switches of a Gemma model; the defaults are those of Gemma 2B.

    Attributes:
        activation: of the feed-forward network's gate; "gelu" stands for "gelu_pytorch_tanh", as it
            does in the first checkpoints.
        head_dim: width of one head.
        attention_bias: whether the attention projections have biases.
    """

    vocabulary_size: int = 256000
    num_layers: int = 18
    num_query_heads: int = 8
    num_key_value_heads: int = 1
    hidden_dim: int = 2048
    intermediate_dim: int = 16384
    head_dim: int = 256
    max_sequence_length: int = 8192
    activation: str = "gelu_pytorch_tanh"
    attention_bias: bool = False
    tie_word_embeddings: bool = True
    start_token_id: int | None = 2
    end_token_id: int | tuple[int, ...] | None = 1
    pad_token_id: int | None = 0

    def __post_init__(self) -> None:
        if self.activation == "gelu":
            object.__setattr__(self, "activation", "gelu_pytorch_tanh")


def norm(config: DecoderConfig, name: str) -> keras.layers.Layer:
    """A norm whose weights are distances from one."""
    return RMSNormalization(config.layer_norm_epsilon, offset=1.0, name=name)


def build(config: GemmaConfig, **changes: Any) -> Decoder:
    """Assembles the bricks; `changes` are those of `decoder`."""
    changes = {"attention": biased_attention, "norm": norm, **changes}
    return decoder(config, embedding_scale=config.hidden_dim**0.5, **changes)
