"""How checkpoints hold the family: config and weights, in Hugging Face's format and in GGUF."""

from hornbook.checkpoints import gguf_decoder
from hornbook.checkpoints.config_map import Fixed, Inert, extend
from hornbook.checkpoints.weight_ops import InterleaveRope
from hornbook.families import gated_decoder_maps as maps
from hornbook.families.family import GGUFFormat

CONFIG = extend(
    maps.CONFIG,
    maps.HEAD_DIM,
    maps.ATTENTION_BIAS,
    maps.FEED_FORWARD_BIAS,
    Fixed("pretraining_tp", 1),
    Fixed("rope_interleaved", False, written=False),
    Inert(("is_llama_config", "max_sequence_length")),
)

WEIGHTS = (
    *maps.FRAME,
    *maps.PRE_NORMS,
    *maps.attention(maps.attention_bias),
    *maps.feed_forward(maps.feed_forward_bias),
)

GGUF = GGUFFormat(
    architectures=("llama",),
    config=gguf_decoder.CONFIG,
    weights=gguf_decoder.weights(
        InterleaveRope(lambda config: config.num_query_heads),
        InterleaveRope(lambda config: config.num_key_value_heads),
    ),
    heads=gguf_decoder.HEADS,
)
