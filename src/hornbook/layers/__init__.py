"""The bricks that models are made of, and the layers of `keras_nlp`; imported on first use."""

from typing import Any

from hornbook.backend import require
from hornbook.lazy import load

require()

_HERE = {
    "AlibiBias": "positions",
    "AlibiKeys": "positions",
    "Attention": "attention",
    "AttentionMask": "attention_mask",
    "CachedMultiHeadAttention": "cached_attention",
    "FNetEncoder": "fourier",
    "FeedForward": "feed_forward",
    "FourierMixing": "fourier",
    "LayerNormalization": "norm",
    "Linear": "linear",
    "LoadBalance": "load_balance",
    "MaskedLMHead": "masked_lm_head",
    "MixtureOfExperts": "mixture_of_experts",
    "PositionEmbedding": "embeddings",
    "RMSNormalization": "norm",
    "RelativePositionBias": "relative_position_bias",
    "ReversibleEmbedding": "embeddings",
    "RopeScaling": "rope_scaling",
    "RotaryAngles": "rope",
    "RotaryEmbedding": "rope",
    "SequencePooling": "pooling",
    "SinePositionEncoding": "positions",
    "TokenAndPositionEmbedding": "embeddings",
    "TransformerDecoder": "transformer_blocks",
    "TransformerEncoder": "transformer_blocks",
    "TransformerLayer": "transformer_layer",
}
# Layers to their callers, but they work on text's ids before a model sees them.
_PREPROCESSING = {
    "MaskedLMMaskGenerator": "masked_lm_mask_generator",
    "MultiSegmentPacker": "multi_segment_packer",
    "RandomDeletion": "random_deletion",
    "RandomSwap": "random_swap",
    "StartEndPacker": "start_end_packer",
}
_EXPORTS = {
    **{name: f"{__name__}.{module}" for name, module in _HERE.items()},
    **{name: f"hornbook.preprocessing.{module}" for name, module in _PREPROCESSING.items()},
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
