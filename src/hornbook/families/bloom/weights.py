"""How checkpoints hold the family. Queries, keys and values are fused, head by head."""

from typing import Any

from hornbook.checkpoints.config_map import Field, Fixed, Inert
from hornbook.checkpoints.weight_map import Map, layer_norm, linear
from hornbook.checkpoints.weight_ops import SplitHeadGroups

CONFIG = (
    Field("vocab_size", "vocabulary_size"),
    Field("n_layer", "num_layers", aliases=("num_hidden_layers",)),
    Field("n_head", "num_heads", aliases=("num_attention_heads",)),
    Field("hidden_size", "hidden_dim", aliases=("n_embed",)),
    Field("seq_length", "max_sequence_length", 2048, foreign=True),
    Field("layer_norm_epsilon", "layer_norm_epsilon", 1e-5),
    Field("hidden_dropout", "dropout", 0.0),
    Field("attention_dropout", "attention_dropout", 0.0),
    Field("tie_word_embeddings", "tie_word_embeddings", True),
    Field("initializer_range", "initializer_range", 0.02),
    Field("bos_token_id", "start_token_id", 1),
    Field("eos_token_id", "end_token_id", 2),
    Field("pad_token_id", "pad_token_id", None),
    Fixed("apply_residual_connection_post_layernorm", False),
    Fixed("slow_but_exact", False),
    Inert((
        "attention_softmax_in_fp32", "bias_dropout_fusion", "masked_softmax_fusion", "n_inner",
        "offset_alibi", "pretraining_tp", "skip_bias_add", "skip_bias_add_qkv", "unk_token_id",
    )),
)  # fmt: skip


def _heads(config: Any) -> int:
    return config.num_heads


_LAYER, _BRICK = "transformer.h.{i}.", "layers_{i}/"

WEIGHTS = (
    Map("transformer.word_embeddings.weight", "token_embedding/embeddings"),
    *layer_norm("transformer.word_embeddings_layernorm", "embedding_norm"),
    *layer_norm(_LAYER + "input_layernorm", _BRICK + "attention_norm"),
    *linear(
        _LAYER + "self_attention.query_key_value",
        tuple(f"{_BRICK}attention/{name}" for name in ("query", "key", "value")),
        SplitHeadGroups(_heads, _heads),
    ),
    *linear(_LAYER + "self_attention.dense", _BRICK + "attention/output"),
    *layer_norm(_LAYER + "post_attention_layernorm", _BRICK + "feed_forward_norm"),
    *linear(_LAYER + "mlp.dense_h_to_4h", _BRICK + "feed_forward/up"),
    *linear(_LAYER + "mlp.dense_4h_to_h", _BRICK + "feed_forward/down"),
    *layer_norm("transformer.ln_f", "final_norm"),
)
