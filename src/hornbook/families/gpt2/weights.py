"""How checkpoints hold the family. Matrices are stored [inputs, outputs], queries fused."""

from collections.abc import Mapping
from typing import Any

from hornbook.checkpoints import gguf_decoder
from hornbook.checkpoints.config_map import Conversion, Field, Fixed, Inert
from hornbook.checkpoints.weight_map import Drop, Map, layer_norm, linear
from hornbook.checkpoints.weight_ops import Chain, Split, Transpose
from hornbook.families.family import GGUFFormat

CONFIG = (
    Field("vocab_size", "vocabulary_size", 50257),
    Field("n_layer", "num_layers", 12),
    Field("n_head", "num_heads", 12),
    Field("n_embd", "hidden_dim", 768),
    Field("n_inner", "intermediate_dim", None),
    Field("n_positions", "max_sequence_length", 1024),
    Field("activation_function", "activation", "gelu_new"),
    Field("layer_norm_epsilon", "layer_norm_epsilon", 1e-5),
    Field("resid_pdrop", "dropout", 0.1),
    Field("embd_pdrop", "embedding_dropout", 0.1),
    Field("attn_pdrop", "attention_dropout", 0.1),
    Field("tie_word_embeddings", "tie_word_embeddings", True),
    Field("initializer_range", "initializer_range", 0.02),
    Field("bos_token_id", "start_token_id", 50256),
    Field("eos_token_id", "end_token_id", 50256),
    Field("pad_token_id", "pad_token_id", None),
    Fixed("scale_attn_weights", True),
    Fixed("scale_attn_by_inverse_layer_idx", False),
    Fixed("add_cross_attention", False),
    Inert((
        "n_ctx", "reorder_and_upcast_attn", "summary_activation", "summary_first_dropout",
        "summary_proj_to_labels", "summary_type", "summary_use_proj",
    )),
)  # fmt: skip

_LAYER, _BRICK = "transformer.h.{i}.", "layers_{i}/"
_THIRDS = Split(lambda config: (config.hidden_dim,) * 3)
_QKV = tuple(f"{_BRICK}attention/{name}" for name in ("query", "key", "value"))

WEIGHTS = (
    Map("transformer.wte.weight", "token_embedding/embeddings"),
    Map("transformer.wpe.weight", "position_embedding/embeddings"),
    *layer_norm(_LAYER + "ln_1", _BRICK + "attention_norm"),
    *linear(_LAYER + "attn.c_attn", _QKV, Chain((Transpose(), _THIRDS))),
    *linear(_LAYER + "attn.c_proj", _BRICK + "attention/output", Transpose()),
    *layer_norm(_LAYER + "ln_2", _BRICK + "feed_forward_norm"),
    *linear(_LAYER + "mlp.c_fc", _BRICK + "feed_forward/up", Transpose()),
    *linear(_LAYER + "mlp.c_proj", _BRICK + "feed_forward/down", Transpose()),
    *layer_norm("transformer.ln_f", "final_norm"),
    Drop(_LAYER + "attn.bias", "the causal mask, computed here"),
    Drop(_LAYER + "attn.masked_bias", "a constant, -1e4"),
)


def _read_width(raw: Mapping[str, Any]) -> int | None:
    width = raw["{arch}.feed_forward_length"]
    return None if width == 4 * raw["{arch}.embedding_length"] else width


def _write_width(config: Any) -> int:
    return config.intermediate_dim or 4 * config.hidden_dim


_BLOCK = "blk.{i}."

GGUF = GGUFFormat(
    architectures=("gpt2",),
    config=(
        gguf_decoder.VOCABULARY_SIZE,
        Field("{arch}.block_count", "num_layers"),
        Field("{arch}.attention.head_count", "num_heads"),
        Field("{arch}.embedding_length", "hidden_dim"),
        Field(
            "{arch}.feed_forward_length",
            "intermediate_dim",
            conversion=Conversion(_read_width, _write_width, whole=True),
        ),
        Field("{arch}.context_length", "max_sequence_length"),
        Field(
            "{arch}.attention.layer_norm_epsilon",
            "layer_norm_epsilon",
            conversion=gguf_decoder.FLOAT32,
        ),
        gguf_decoder.TIED,
        Field("tokenizer.ggml.bos_token_id", "start_token_id", 50256),
        Field("tokenizer.ggml.eos_token_id", "end_token_id", 50256),
        Field("tokenizer.ggml.padding_token_id", "pad_token_id", None),
    ),
    weights=(
        Map("token_embd.weight", "token_embedding/embeddings"),
        Map("position_embd.weight", "position_embedding/embeddings"),
        *layer_norm(_BLOCK + "attn_norm", _BRICK + "attention_norm"),
        *linear(_BLOCK + "attn_qkv", _QKV, _THIRDS),
        *linear(_BLOCK + "attn_output", _BRICK + "attention/output"),
        *layer_norm(_BLOCK + "ffn_norm", _BRICK + "feed_forward_norm"),
        *linear(_BLOCK + "ffn_up", _BRICK + "feed_forward/up"),
        *linear(_BLOCK + "ffn_down", _BRICK + "feed_forward/down"),
        *layer_norm("output_norm", "final_norm"),
    ),
    heads=gguf_decoder.HEADS,
)
