"""How checkpoints hold the family: config and weights."""

from hornbook.checkpoints.config_map import Field, Inert
from hornbook.checkpoints.weight_map import Row, layer_norm, linear
from hornbook.families.bert.weights import embeddings

CONFIG = (
    Field("vocab_size", "vocabulary_size", 32000),
    Field("num_hidden_layers", "num_layers", 12),
    Field("hidden_size", "hidden_dim", 768),
    Field("intermediate_size", "intermediate_dim", 3072),
    Field("max_position_embeddings", "max_sequence_length", 512),
    Field("type_vocab_size", "num_segments", 4),
    Field("hidden_act", "activation", "gelu_new"),
    Field("layer_norm_eps", "layer_norm_epsilon", 1e-12),
    Field("hidden_dropout_prob", "dropout", 0.1),
    Field("initializer_range", "initializer_range", 0.02),
    Field("tie_word_embeddings", "tie_word_embeddings", True),
    Field("bos_token_id", "start_token_id", 1),
    Field("eos_token_id", "end_token_id", 2),
    Field("pad_token_id", "pad_token_id", 3),
    # Other ways to compute the same transform.
    Inert(("actual_seq_length", "tpu_short_seq_length", "use_tpu_fourier_optimizations")),
    Inert(("use_fft", "use_latest")),
)

_LAYER, _BRICK = "fnet.encoder.layer.{i}.", "layers_{i}/"

WEIGHTS: tuple[Row, ...] = (
    *embeddings("fnet"),
    *linear("fnet.embeddings.projection", "input_projection"),
    *layer_norm(_LAYER + "fourier.output.LayerNorm", _BRICK + "attention_norm"),
    *linear(_LAYER + "intermediate.dense", _BRICK + "feed_forward/up"),
    *linear(_LAYER + "output.dense", _BRICK + "feed_forward/down"),
    *layer_norm(_LAYER + "output.LayerNorm", _BRICK + "feed_forward_norm"),
    *linear("fnet.pooler.dense", "pooler"),
)
