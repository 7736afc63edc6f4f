"""Decoders with grouped queries, rotary positions and a gated network, which most families are.

A family extends `DecoderConfig` and passes to `decoder` in which bricks it differs. The maps of
its checkpoints are in `gated_decoder_maps`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from hornbook.backbones.decoder import Decoder
from hornbook.families.described import DescribedConfig
from hornbook.layers.attention import Attention, even_head_dim
from hornbook.layers.embeddings import ReversibleEmbedding
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.norm import RMSNormalization
from hornbook.layers.rope import RotaryAngles
from hornbook.layers.rope_scaling import RopeScaling
from hornbook.layers.transformer_layer import TransformerLayer

PRE_NORMS = ("attention_norm", "feed_forward_norm")

TINY_SIZES: dict[str, Any] = {
    "vocabulary_size": 53,
    "num_layers": 2,
    "num_query_heads": 6,
    "num_key_value_heads": 2,
    "hidden_dim": 36,
    "intermediate_dim": 44,
    "max_sequence_length": 40,
    "layer_norm_epsilon": 0.01,
    "initializer_range": 0.3,
}
"""Of the models that families are tested with."""


@dataclass(frozen=True, kw_only=True)
class DecoderConfig(DescribedConfig):
    """Sizes and rates that all decoders of this kind have.

    Attributes:
        vocabulary_size: number of tokens.
        num_layers: number of transformer layers.
        num_query_heads: attention heads.
        num_key_value_heads: key and value heads, which groups of query heads share.
        hidden_dim: width of the residual stream.
        intermediate_dim: width of the feed-forward network.
        max_sequence_length: the longest context, in tokens.
        rope_max_wavelength: base of the rotary frequencies.
        rope_scaling: how the frequencies are stretched, or None.
        layer_norm_epsilon: added to the mean square in each norm.
        activation: of the feed-forward network's gate.
        attention_dropout: rate on the attention weights, in training.
        tie_word_embeddings: whether the output projection is the token embedding.
        initializer_range: standard deviation of fresh weights.
        start_token_id, end_token_id, pad_token_id: special tokens; there may be several ends.
    """

    vocabulary_size: int = 32000
    num_layers: int = 32
    num_query_heads: int = 32
    num_key_value_heads: int = 32
    hidden_dim: int = 4096
    intermediate_dim: int = 11008
    max_sequence_length: int = 2048
    rope_max_wavelength: float = 10000.0
    rope_scaling: RopeScaling | None = None
    layer_norm_epsilon: float = 1e-6
    activation: str = "silu"
    attention_dropout: float = 0.0
    tie_word_embeddings: bool = False
    initializer_range: float = 0.02
    start_token_id: int | None = 1
    end_token_id: int | tuple[int, ...] | None = 2
    pad_token_id: int | None = None

    @property
    def head_dim(self) -> int:
        """The width of one head, where a family has no field for it."""
        return even_head_dim(self.hidden_dim, self.num_query_heads)


def initializer(config: DecoderConfig) -> keras.initializers.Initializer:
    """Of fresh matrices."""
    return keras.initializers.RandomNormal(stddev=config.initializer_range)


def norm(config: DecoderConfig, name: str) -> keras.layers.Layer:
    """The norm at a place, such as "attention_norm"."""
    return RMSNormalization(config.layer_norm_epsilon, name=name)


def attention(config: DecoderConfig, index: int, **changes: Any) -> Attention:
    """A layer's attention, without biases; `changes` are arguments of `Attention`."""
    options: dict[str, Any] = {
        "use_bias": False,
        "dropout": config.attention_dropout,
        "kernel_initializer": initializer(config),
        "name": "attention",
    }
    return Attention(
        config.num_query_heads, config.num_key_value_heads, config.head_dim, **options | changes
    )


def biased_attention(config: Any, index: int, **changes: Any) -> Attention:
    """A layer's attention, with biases where the config says so."""
    return attention(config, index, **{"use_bias": config.attention_bias} | changes)


def feed_forward(config: DecoderConfig, index: int, **changes: Any) -> FeedForward:
    """A layer's network, without biases; `changes` are arguments of `FeedForward`."""
    options: dict[str, Any] = {
        "gated": True,
        "use_bias": False,
        "kernel_initializer": initializer(config),
        "name": "feed_forward",
    }
    return FeedForward(config.intermediate_dim, config.activation, **options | changes)


def biased_feed_forward(config: Any, index: int) -> FeedForward:
    """A layer's network, with biases where the config says so."""
    return feed_forward(config, index, use_bias=config.feed_forward_bias)


def rotary(config: DecoderConfig, rotary_dim: int) -> RotaryAngles:
    """The rotation of all layers' heads, of which it turns the first features."""
    scaling = config.rope_scaling and config.rope_scaling.for_length(config.max_sequence_length)
    return RotaryAngles(rotary_dim, config.rope_max_wavelength, scaling, name="rotary")


def decoder(
    config: DecoderConfig,
    *,
    attention: Callable[[Any, int], Attention] = attention,
    feed_forward: Callable[[Any, int], Any] = feed_forward,
    norm: Callable[[Any, str], keras.layers.Layer] = norm,
    norms: Sequence[str] = PRE_NORMS,
    layer_changes: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Decoder:
    """Assembles the bricks.

    Args:
        config: the family's config.
        attention: makes a layer's attention from the config and the layer's index.
        feed_forward: makes a layer's network from the same.
        norm: makes a norm from the config and the norm's name.
        norms: the norms that each layer has, by their names in `TransformerLayer`.
        layer_changes: arguments of `TransformerLayer` that differ.
        **changes: arguments of `Decoder` that differ.
    """

    def layer(index: int) -> TransformerLayer:
        parts: dict[str, Any] = dict.fromkeys(PRE_NORMS)
        parts |= {name: norm(config, name) for name in norms}
        parts["attention"] = attention(config, index)
        parts["feed_forward"] = feed_forward(config, index)
        return TransformerLayer(**parts, **(layer_changes or {}), name=f"layers_{index}")

    bricks: dict[str, Any] = {
        "token_embedding": ReversibleEmbedding(
            config.vocabulary_size,
            config.hidden_dim,
            embeddings_initializer=initializer(config),
            name="token_embedding",
        ),
        "layers": [layer(index) for index in range(config.num_layers)],
        "final_norm": norm(config, "final_norm"),
    }
    if "rotary" not in changes:
        bricks["rotary"] = rotary(config, config.head_dim)
    return Decoder(**bricks | changes)
