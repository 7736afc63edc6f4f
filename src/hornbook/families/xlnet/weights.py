"""How checkpoints hold the family: config and weights."""

from typing import Any

from hornbook.checkpoints.config_map import POSITIVE, Conversion, Field, Fixed, Inert
from hornbook.checkpoints.weight_map import Drop, Map, Row, layer_norm, linear, weight_and_bias
from hornbook.checkpoints.weight_ops import Chain, JoinHeads, Transpose


def _head_dim(config: Any) -> int:
    return config.hidden_dim // config.num_heads


CONFIG = (
    Field("vocab_size", "vocabulary_size", 32000),
    Field("n_layer", "num_layers", 24),
    Field("n_head", "num_heads"),
    Field("d_model", "hidden_dim"),
    Field("d_inner", "intermediate_dim", 4096),
    Field("d_head", (), None, Conversion(lambda raw: (), _head_dim, whole=True)),
    Field("clamp_len", "max_distance", -1, POSITIVE),
    Field("ff_activation", "activation", "gelu"),
    Field("layer_norm_eps", "layer_norm_epsilon", 1e-12),
    Field("dropout", "dropout", 0.1),
    Field("initializer_range", "initializer_range", 0.02),
    Field("tie_word_embeddings", "tie_word_embeddings", True),
    Field("bos_token_id", "start_token_id", 1),
    Field("eos_token_id", "end_token_id", 2),
    Field("pad_token_id", "pad_token_id", 5),
    Fixed("attn_type", "bi"),
    Fixed("bi_data", False),
    Fixed("same_length", False),
    Fixed("summary_activation", "tanh"),
    Fixed("summary_type", "last"),
    Fixed("summary_use_proj", True),
    Fixed("untie_r", True, written=False),
    Inert((
        "end_n_top", "mem_len", "reuse_len", "start_n_top", "summary_last_dropout",
        "use_mems_eval", "use_mems_train",
    )),
)  # fmt: skip

_LAYER, _BRICK = "transformer.layer.{i}.", "layers_{i}/"
_RELATIVE = _BRICK + "attention/relative/"
_JOIN = JoinHeads(lambda config: config.num_heads)
_PROJECT = Chain((_JOIN, Transpose()))

WEIGHTS: tuple[Row, ...] = (
    Map("transformer.word_embedding.weight", "token_embedding/embeddings"),
    Map("transformer.mask_emb", "distances/mask_embedding", kept=True),
    Map(_LAYER + "rel_attn.q", _BRICK + "attention/query/kernel", _PROJECT),
    Map(_LAYER + "rel_attn.k", _BRICK + "attention/key/kernel", _PROJECT),
    Map(_LAYER + "rel_attn.v", _BRICK + "attention/value/kernel", _PROJECT),
    Map(_LAYER + "rel_attn.o", _BRICK + "attention/output/kernel", _JOIN),
    Map(_LAYER + "rel_attn.r", _RELATIVE + "position/kernel", _PROJECT),
    Map(_LAYER + "rel_attn.r_w_bias", _RELATIVE + "content_bias"),
    Map(_LAYER + "rel_attn.r_r_bias", _RELATIVE + "position_bias"),
    Map(_LAYER + "rel_attn.r_s_bias", _RELATIVE + "segment_bias"),
    Map(_LAYER + "rel_attn.seg_embed", _RELATIVE + "segments"),
    *layer_norm(_LAYER + "rel_attn.layer_norm", _BRICK + "attention_norm"),
    *linear(_LAYER + "ff.layer_1", _BRICK + "feed_forward/up"),
    *linear(_LAYER + "ff.layer_2", _BRICK + "feed_forward/down"),
    *layer_norm(_LAYER + "ff.layer_norm", _BRICK + "feed_forward_norm"),
    Drop(weight_and_bias("lm_loss"), "predicts tokens in a random order, as no task does"),
)
