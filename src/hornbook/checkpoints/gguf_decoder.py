"""What llama.cpp's files hold alike for every decoder with rotary positions and a gated network.

A family passes these tables on, or extends them; keys are written with "{arch}" for the value of
`general.architecture`.
"""

import numpy as np

from hornbook.checkpoints.config_map import Conversion, Field, Inert, extend
from hornbook.checkpoints.gguf_rope import FACTORS, SCALING
from hornbook.checkpoints.weight_map import Drop, Map, Row, untied
from hornbook.checkpoints.weight_ops import Identity, Op

# The file holds float32: 1e-05 would otherwise be read as 9.999999747378752e-06.
FLOAT32 = Conversion(lambda value: float(str(np.float32(value))), float)
_TIED_WITHOUT_OUTPUT = Conversion(lambda names: "output.weight" not in names, lambda tied: ())

VOCABULARY_SIZE = Field(
    "{arch}.vocab_size", "vocabulary_size", lambda raw: len(raw["tokenizer.ggml.tokens"])
)
TIED = Field("tensors", "tie_word_embeddings", conversion=_TIED_WITHOUT_OUTPUT)

CONFIG = (
    VOCABULARY_SIZE,
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
    *SCALING,
    Inert(("{arch}.rope.dimension_count", "{arch}.attention.value_length")),
    Field("{arch}.rope.freq_base", "rope_max_wavelength", 10000.0, FLOAT32),
    Field("{arch}.attention.layer_norm_rms_epsilon", "layer_norm_epsilon", conversion=FLOAT32),
    TIED,
    Field("tokenizer.ggml.bos_token_id", "start_token_id", 1),
    Field("tokenizer.ggml.eos_token_id", "end_token_id", 2),
    Field("tokenizer.ggml.padding_token_id", "pad_token_id", None),
)
"""The config map; the file's metadata, with the names of its tensors under "tensors"."""

EVEN_HEADS = extend(
    CONFIG, Inert(("{arch}.attention.key_length",)), without=("{arch}.attention.key_length",)
)
"""The config map of families whose heads share the hidden states' width evenly."""

NO_TOKENS = (
    Field("tokenizer.ggml.bos_token_id", "start_token_id", None),
    Field("tokenizer.ggml.eos_token_id", "end_token_id", None),
)
"""The rows of families that don't say which tokens these are when the file doesn't."""

HEADS = {"CausalLM": (Map("output.weight", "lm_head/kernel", when=untied),)}
"""The heads' rows, by task."""

_BLOCK, _BRICK = "blk.{i}.", "layers_{i}/"
_AS_IT_IS = Identity()


INPUT_BIASES = tuple(
    Map(f"{_BLOCK}attn_{name[0]}.bias", f"{_BRICK}attention/{name}/bias")
    for name in ("query", "key", "value")
)
"""The rows of the biases of queries, keys and values."""


def head_norms(op: Op = _AS_IT_IS) -> tuple[Map, ...]:
    """The rows of the norms of queries and keys."""
    return tuple(
        Map(f"{_BLOCK}attn_{name[0]}_norm.weight", f"{_BRICK}attention/{name}_norm/scale", op)
        for name in ("query", "key")
    )


def output_norms(op: Op = _AS_IT_IS) -> tuple[Map, ...]:
    """The rows of the norms of what attention and network give."""
    return (
        Map(_BLOCK + "post_attention_norm.weight", _BRICK + "attention_output_norm/scale", op),
        Map(_BLOCK + "post_ffw_norm.weight", _BRICK + "feed_forward_output_norm/scale", op),
    )


HEAD_NORMS = head_norms()


def weights(
    query_op: Op = _AS_IT_IS, key_op: Op = _AS_IT_IS, norm_op: Op = _AS_IT_IS
) -> tuple[Row, ...]:
    """The weight map; the ops undo what the converter did to queries, keys and norms."""
    return (
        Map("token_embd.weight", "token_embedding/embeddings"),
        Map(_BLOCK + "attn_norm.weight", _BRICK + "attention_norm/scale", norm_op),
        Map(_BLOCK + "attn_q.weight", _BRICK + "attention/query/kernel", query_op),
        Map(_BLOCK + "attn_k.weight", _BRICK + "attention/key/kernel", key_op),
        Map(_BLOCK + "attn_v.weight", _BRICK + "attention/value/kernel"),
        Map(_BLOCK + "attn_output.weight", _BRICK + "attention/output/kernel"),
        Map(_BLOCK + "ffn_norm.weight", _BRICK + "feed_forward_norm/scale", norm_op),
        Map(_BLOCK + "ffn_gate.weight", _BRICK + "feed_forward/gate/kernel"),
        Map(_BLOCK + "ffn_up.weight", _BRICK + "feed_forward/up/kernel"),
        Map(_BLOCK + "ffn_down.weight", _BRICK + "feed_forward/down/kernel"),
        Map("output_norm.weight", "final_norm/scale", norm_op),
        Drop(FACTORS, "read with the config"),
    )
