"""How checkpoints hold the family: config and weights, in Hugging Face's format and in GGUF."""

from typing import Any

from hornbook.checkpoints.config_map import Conversion, Field, Fixed, Inert
from hornbook.checkpoints.rope_config import ROPE
from hornbook.checkpoints.weight_map import Drop, Map, linear
from hornbook.checkpoints.weight_ops import InterleaveRope


def _head_dim(raw: dict[str, Any]) -> int:
    return raw["hidden_size"] // raw["num_attention_heads"]


CONFIG = (
    Field("vocab_size", "vocabulary_size"),
    Field("num_hidden_layers", "num_layers"),
    Field("num_attention_heads", "num_query_heads"),
    Field("num_key_value_heads", "num_key_value_heads", lambda raw: raw["num_attention_heads"]),
    Field("hidden_size", "hidden_dim"),
    Field("intermediate_size", "intermediate_dim"),
    Field("head_dim", "head_dim", _head_dim),
    Field("max_position_embeddings", "max_sequence_length", 2048),
    ROPE,
    Field("rms_norm_eps", "layer_norm_epsilon", 1e-6),
    Field("hidden_act", "activation", "silu"),
    Field("attention_bias", "attention_bias", False),
    Field("mlp_bias", "feed_forward_bias", False),
    Field("attention_dropout", "attention_dropout", 0.0),
    Field("tie_word_embeddings", "tie_word_embeddings", False),
    Field("initializer_range", "initializer_range", 0.02),
    Field("bos_token_id", "start_token_id", 1),
    Field("eos_token_id", "end_token_id", 2),
    Field("pad_token_id", "pad_token_id", None),
    Fixed("pretraining_tp", 1),
    Fixed("rope_interleaved", False, written=False),
    Inert(("is_llama_config", "max_sequence_length")),
)


def _attention_bias(config: Any) -> bool:
    return config.attention_bias


def _feed_forward_bias(config: Any) -> bool:
    return config.feed_forward_bias


_LAYER, _BRICK = "model.layers.{i}.", "layers_{i}/"

WEIGHTS = (
    Map("model.embed_tokens.weight", "token_embedding/embeddings"),
    Map(_LAYER + "input_layernorm.weight", _BRICK + "attention_norm/scale"),
    *linear(_LAYER + "self_attn.q_proj", _BRICK + "attention/query", bias=_attention_bias),
    *linear(_LAYER + "self_attn.k_proj", _BRICK + "attention/key", bias=_attention_bias),
    *linear(_LAYER + "self_attn.v_proj", _BRICK + "attention/value", bias=_attention_bias),
    *linear(_LAYER + "self_attn.o_proj", _BRICK + "attention/output", bias=_attention_bias),
    Map(_LAYER + "post_attention_layernorm.weight", _BRICK + "feed_forward_norm/scale"),
    *linear(_LAYER + "mlp.gate_proj", _BRICK + "feed_forward/gate", bias=_feed_forward_bias),
    *linear(_LAYER + "mlp.up_proj", _BRICK + "feed_forward/up", bias=_feed_forward_bias),
    *linear(_LAYER + "mlp.down_proj", _BRICK + "feed_forward/down", bias=_feed_forward_bias),
    Map("model.norm.weight", "final_norm/scale"),
    Drop("model.layers.{i}.self_attn.rotary_emb.inv_freq", "computed from the config"),
)

_TIED_WITHOUT_OUTPUT = Conversion(lambda names: "output.weight" not in names, lambda tied: ())

GGUF_CONFIG = (
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
    Inert(("{arch}.rope.dimension_count",)),
    Field("{arch}.rope.freq_base", "rope_max_wavelength", 10000.0),
    Field("{arch}.attention.layer_norm_rms_epsilon", "layer_norm_epsilon"),
    Field("tensors", "tie_word_embeddings", conversion=_TIED_WITHOUT_OUTPUT),
    Field("tokenizer.ggml.bos_token_id", "start_token_id", 1),
    Field("tokenizer.ggml.eos_token_id", "end_token_id", 2),
    Field("tokenizer.ggml.padding_token_id", "pad_token_id", None),
)

_BLOCK = "blk.{i}."

GGUF_WEIGHTS = (
    Map("token_embd.weight", "token_embedding/embeddings"),
    Map(_BLOCK + "attn_norm.weight", _BRICK + "attention_norm/scale"),
    Map(
        _BLOCK + "attn_q.weight",
        _BRICK + "attention/query/kernel",
        InterleaveRope(lambda config: config.num_query_heads),
    ),
    Map(
        _BLOCK + "attn_k.weight",
        _BRICK + "attention/key/kernel",
        InterleaveRope(lambda config: config.num_key_value_heads),
    ),
    Map(_BLOCK + "attn_v.weight", _BRICK + "attention/value/kernel"),
    Map(_BLOCK + "attn_output.weight", _BRICK + "attention/output/kernel"),
    Map(_BLOCK + "ffn_norm.weight", _BRICK + "feed_forward_norm/scale"),
    Map(_BLOCK + "ffn_gate.weight", _BRICK + "feed_forward/gate/kernel"),
    Map(_BLOCK + "ffn_up.weight", _BRICK + "feed_forward/up/kernel"),
    Map(_BLOCK + "ffn_down.weight", _BRICK + "feed_forward/down/kernel"),
    Map("output_norm.weight", "final_norm/scale"),
)
