"""What llama.cpp's files hold alike for every decoder with rotary positions and a gated network.

A family passes these tables on, or extends them; keys are written with "{arch}" for the value of
`general.architecture`.
"""

import numpy as np

from hornbook.checkpoints.config_map import Conversion, Field, Fixed, Inert
from hornbook.checkpoints.weight_map import Map, untied
from hornbook.checkpoints.weight_ops import Identity, Op

# The file holds float32: 1e-05 would otherwise be read as 9.999999747378752e-06.
_FLOAT32 = Conversion(lambda value: float(str(np.float32(value))), float)
_TIED_WITHOUT_OUTPUT = Conversion(lambda names: "output.weight" not in names, lambda tied: ())

CONFIG = (
    Field("{arch}.vocab_size", "vocabulary_size", lambda raw: len(raw["tokenizer.ggml.tokens"])),
    Field("{arch}.block_count", "num_layers"),
    Field("{arch}.attention.head_count", "num_query_heads"),
    Field(
        "{arch}.attention.head_count_kv",
        "num_key_value_heads",
        lambda raw: raw["{arch}.attention.head_count"],
    ),
    Field("{arch}.embedding_length", "hidden_dim"),
    Field("{arch}.feed_forward_length", "intermediate_dim"),
    Field(
        "{arch}.attention.key_length",
        "head_dim",
        lambda raw: raw["{arch}.embedding_length"] // raw["{arch}.attention.head_count"],
    ),
    Field("{arch}.context_length", "max_sequence_length"),
    Fixed("{arch}.rope.scaling.type", "none"),
    Inert(("{arch}.rope.dimension_count", "{arch}.attention.value_length")),
    Field("{arch}.rope.freq_base", "rope_max_wavelength", 10000.0, _FLOAT32),
    Field("{arch}.attention.layer_norm_rms_epsilon", "layer_norm_epsilon", conversion=_FLOAT32),
    Field("tensors", "tie_word_embeddings", conversion=_TIED_WITHOUT_OUTPUT),
    Field("tokenizer.ggml.bos_token_id", "start_token_id", 1),
    Field("tokenizer.ggml.eos_token_id", "end_token_id", 2),
    Field("tokenizer.ggml.padding_token_id", "pad_token_id", None),
)
"""The config map; the file's metadata, with the names of its tensors under "tensors"."""

HEADS = {"CausalLM": (Map("output.weight", "lm_head/kernel", when=untied),)}
"""The heads' rows, by task."""

_BLOCK, _BRICK = "blk.{i}.", "layers_{i}/"


def weights(query_op: Op | None = None, key_op: Op | None = None) -> tuple[Map, ...]:
    """The weight map; the ops undo what the converter did to queries and keys."""
    return (
        Map("token_embd.weight", "token_embedding/embeddings"),
        Map(_BLOCK + "attn_norm.weight", _BRICK + "attention_norm/scale"),
        Map(_BLOCK + "attn_q.weight", _BRICK + "attention/query/kernel", query_op or Identity()),
        Map(_BLOCK + "attn_k.weight", _BRICK + "attention/key/kernel", key_op or Identity()),
        Map(_BLOCK + "attn_v.weight", _BRICK + "attention/value/kernel"),
        Map(_BLOCK + "attn_output.weight", _BRICK + "attention/output/kernel"),
        Map(_BLOCK + "ffn_norm.weight", _BRICK + "feed_forward_norm/scale"),
        Map(_BLOCK + "ffn_gate.weight", _BRICK + "feed_forward/gate/kernel"),
        Map(_BLOCK + "ffn_up.weight", _BRICK + "feed_forward/up/kernel"),
        Map(_BLOCK + "ffn_down.weight", _BRICK + "feed_forward/down/kernel"),
        Map("output_norm.weight", "final_norm/scale"),
    )
