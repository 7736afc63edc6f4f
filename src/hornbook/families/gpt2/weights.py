"""How checkpoints hold the family. Matrices are stored [inputs, outputs], queries fused."""

from hornbook.checkpoints.config_map import Field, Fixed, Inert
from hornbook.checkpoints.weight_map import Drop, Map, layer_norm, linear
from hornbook.checkpoints.weight_ops import Chain, Split, Transpose

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
_FUSED = Chain((Transpose(), Split(lambda config: (config.hidden_dim,) * 3)))

WEIGHTS = (
    Map("transformer.wte.weight", "token_embedding/embeddings"),
    Map("transformer.wpe.weight", "position_embedding/embeddings"),
    *layer_norm(_LAYER + "ln_1", _BRICK + "attention_norm"),
    *linear(
        _LAYER + "attn.c_attn",
        tuple(f"{_BRICK}attention/{name}" for name in ("query", "key", "value")),
        _FUSED,
    ),
    *linear(_LAYER + "attn.c_proj", _BRICK + "attention/output", Transpose()),
    *layer_norm(_LAYER + "ln_2", _BRICK + "feed_forward_norm"),
    *linear(_LAYER + "mlp.c_fc", _BRICK + "feed_forward/up", Transpose()),
    *linear(_LAYER + "mlp.c_proj", _BRICK + "feed_forward/down", Transpose()),
    *layer_norm("transformer.ln_f", "final_norm"),
    Drop(_LAYER + "attn.bias", "the causal mask, computed here"),
    Drop(_LAYER + "attn.masked_bias", "a constant, -1e4"),
)
