"""The bricks that every model is made of."""

from hornbook.backend import require

require()

from hornbook.layers.attention import Attention  # noqa: E402 - Keras needs its backend first
from hornbook.layers.attention_mask import AttentionMask  # noqa: E402
from hornbook.layers.embeddings import PositionEmbedding, ReversibleEmbedding  # noqa: E402
from hornbook.layers.feed_forward import FeedForward  # noqa: E402
from hornbook.layers.linear import Linear  # noqa: E402
from hornbook.layers.norm import LayerNormalization, RMSNormalization  # noqa: E402
from hornbook.layers.pooling import SequencePooling  # noqa: E402
from hornbook.layers.rope import RopeScaling, RotaryEmbedding  # noqa: E402
from hornbook.layers.transformer_layer import TransformerLayer  # noqa: E402

__all__ = [
    "Attention",
    "AttentionMask",
    "FeedForward",
    "LayerNormalization",
    "Linear",
    "PositionEmbedding",
    "RMSNormalization",
    "ReversibleEmbedding",
    "RopeScaling",
    "RotaryEmbedding",
    "SequencePooling",
    "TransformerLayer",
]
