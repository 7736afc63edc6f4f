"""How checkpoints hold the family, whose GGUF files call themselves Llama's."""

from hornbook.checkpoints.config_map import Field, extend
from hornbook.families import gated_decoder_maps as maps

CONFIG = extend(
    maps.CONFIG,
    maps.HEAD_DIM,
    Field("num_key_value_heads", "num_key_value_heads", 8),
    Field("max_position_embeddings", "max_sequence_length", 4096 * 32),
    Field("sliding_window", "sliding_window", 4096),
)

WEIGHTS = (*maps.FRAME, *maps.PRE_NORMS, *maps.attention(), *maps.feed_forward())
