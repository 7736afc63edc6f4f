"""How checkpoints hold the family: config and weights, in Hugging Face's format and in GGUF."""

from hornbook.checkpoints import gguf_decoder
from hornbook.checkpoints.config_map import Field, Fixed, Inert, extend
from hornbook.checkpoints.weight_ops import Raised
from hornbook.families import gated_decoder_maps as maps
from hornbook.families.family import GGUFFormat

RAISED = Raised(1.0)
"""llama.cpp keeps norms as what they multiply by."""

CONFIG = extend(
    maps.CONFIG,
    Field("head_dim", "head_dim", 256),
    maps.ATTENTION_BIAS,
    Field("num_key_value_heads", "num_key_value_heads", 16),
    Field("max_position_embeddings", "max_sequence_length", 8192),
    Field("hidden_act", "activation", "gelu_pytorch_tanh"),
    Field("tie_word_embeddings", "tie_word_embeddings", True),
    Field("bos_token_id", "start_token_id", 2),
    Field("eos_token_id", "end_token_id", 1),
    Field("pad_token_id", "pad_token_id", 0),
    Fixed("use_bidirectional_attention", None),
    Inert(("hidden_activation",)),
)

WEIGHTS = (
    *maps.FRAME,
    *maps.PRE_NORMS,
    *maps.attention(maps.attention_bias),
    *maps.feed_forward(),
)

GGUF = GGUFFormat(
    architectures=("gemma",),
    config=extend(gguf_decoder.CONFIG, *gguf_decoder.NO_TOKENS),
    weights=gguf_decoder.weights(norm_op=RAISED),
    heads=gguf_decoder.HEADS,
)
