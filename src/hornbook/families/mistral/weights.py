"""How checkpoints hold the family, whose GGUF files mostly call themselves Llama's."""

from dataclasses import replace

from hornbook.checkpoints.config_map import Field, extend
from hornbook.families import gated_decoder_maps as maps
from hornbook.families.llama.weights import GGUF as LLAMA_GGUF

CONFIG = extend(
    maps.CONFIG,
    maps.HEAD_DIM,
    Field("num_key_value_heads", "num_key_value_heads", 8),
    Field("max_position_embeddings", "max_sequence_length", 4096 * 32),
    Field("sliding_window", "sliding_window", 4096),
)

WEIGHTS = (*maps.FRAME, *maps.PRE_NORMS, *maps.attention(), *maps.feed_forward())

# Few files tell the window, without which llama.cpp runs them all.
GGUF = replace(
    LLAMA_GGUF,
    architectures=("llama", "mistral3"),
    config=extend(
        LLAMA_GGUF.config, Field("{arch}.attention.sliding_window", "sliding_window", None)
    ),
    names=("mistral", "ministral"),
)
