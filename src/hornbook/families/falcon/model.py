"""The architecture: decoder with few key and value heads, its two parts mostly side by side."""

from dataclasses import dataclass, replace
from typing import Any

from hornbook.backbones.decoder import Decoder
from hornbook.families import gated_decoder as gated
from hornbook.layers.norm import LayerNormalization
from hornbook.layers.positions import AlibiKeys


@dataclass(frozen=True, kw_only=True)
class FalconConfig(gated.DecoderConfig):
    """Sizes, rates and switches of a Falcon model; the defaults are those of the 7B one.

    Attributes:
        num_key_value_heads: key and value heads, which groups of query heads share; with
            `multi_query` there is one, whatever this says.
        new_decoder_architecture: whether keys and values are grouped, and `multi_query` says
            nothing; such a model is parallel.
        multi_query: whether all query heads share one key and value head.
        parallel: whether the feed-forward network reads the layer's inputs, and not what attention
            makes of them.
        num_parallel_norms: norms of a parallel layer. The new architecture may have 2, and has
            by default.
        alibi: whether attention falls off with distance, instead of rotary positions.
        layer_norm_epsilon: added to the variance in each norm.
        activation: of the feed-forward network.
        use_bias: whether the layers' projections have biases.
        dropout: rate on each sub-layer's output, in training.
    """

    vocabulary_size: int = 65024
    num_query_heads: int = 71
    num_key_value_heads: int = 71
    hidden_dim: int = 4544
    intermediate_dim: int = 18176
    layer_norm_epsilon: float = 1e-5
    activation: str = "gelu"
    tie_word_embeddings: bool = True
    start_token_id: int | None = 11
    end_token_id: int | tuple[int, ...] | None = 11
    new_decoder_architecture: bool = False
    multi_query: bool = True
    parallel: bool = True
    num_parallel_norms: int | None = None
    alibi: bool = False
    use_bias: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.new_decoder_architecture and self.num_parallel_norms is None:
            object.__setattr__(self, "num_parallel_norms", 2)


def key_value_heads(config: FalconConfig) -> int:
    """The key and value heads that there are."""
    if config.multi_query and not config.new_decoder_architecture:
        return 1
    return config.num_key_value_heads


def has_two_norms(config: FalconConfig) -> bool:
    """Whether a parallel layer has a norm for each part."""
    return config.num_parallel_norms == 2


def build(config: FalconConfig) -> Decoder:
    """Assembles the bricks.

    Raises:
        ValueError: when switches contradict each other.
    """
    _check(config)
    config = replace(config, num_key_value_heads=key_value_heads(config))
    layers = {"parallel": config.parallel, "dropout": config.dropout}
    shared = config.parallel and not has_two_norms(config)
    changes: dict[str, Any] = {"layer_changes": layers}
    if config.alibi:
        # The biases are added before the scores are scaled.
        scale = config.head_dim**-0.5
        alibi = AlibiKeys(config.num_query_heads, scale, rounded=True, name="position_bias")
        changes |= {"rotary": None, "position_bias": alibi}
    return gated.decoder(
        config,
        attention=lambda config, index: gated.attention(config, index, use_bias=config.use_bias),
        feed_forward=lambda config, index: gated.feed_forward(
            config, index, gated=False, use_bias=config.use_bias
        ),
        norm=lambda config, name: LayerNormalization(config.layer_norm_epsilon, name=name),
        norms=gated.PRE_NORMS[:1] if shared else gated.PRE_NORMS,
        **changes,
    )


def _check(config: FalconConfig) -> None:
    norms, heads = config.num_parallel_norms, config.num_key_value_heads
    if config.new_decoder_architecture:
        if not config.parallel or norms not in (1, 2):
            raise ValueError(
                "new_decoder_architecture=True needs parallel=True and 1 or 2 num_parallel_norms; "
                f"got parallel={config.parallel} and num_parallel_norms={norms}."
            )
    elif norms not in (None, 1):
        raise ValueError(f"num_parallel_norms={norms} needs new_decoder_architecture=True.")
    elif not config.multi_query and heads != config.num_query_heads:
        raise ValueError(
            f"num_key_value_heads={heads} and num_query_heads={config.num_query_heads} need "
            "new_decoder_architecture=True; without, they are equal, or multi_query=True."
        )
