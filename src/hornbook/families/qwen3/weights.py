"""How checkpoints hold the family: config and weights, in Hugging Face's format and in GGUF."""

from hornbook.checkpoints import gguf_decoder
from hornbook.checkpoints.config_map import Field, extend
from hornbook.families import gated_decoder_maps as maps
from hornbook.families import qwen2
from hornbook.families.family import GGUFFormat

CONFIG = extend(
    qwen2.FAMILY.config,
    Field("head_dim", "head_dim", 128),
    maps.ATTENTION_BIAS,
    without=("use_mrope",),
)

WEIGHTS = (
    *maps.FRAME,
    *maps.PRE_NORMS,
    *maps.attention(maps.attention_bias),
    *maps.HEAD_NORMS,
    *maps.feed_forward(),
)

GGUF = GGUFFormat(
    architectures=("qwen3",),
    config=extend(gguf_decoder.CONFIG, *gguf_decoder.NO_TOKENS),
    weights=(*gguf_decoder.weights(), *gguf_decoder.HEAD_NORMS),
    heads=gguf_decoder.HEADS,
)
