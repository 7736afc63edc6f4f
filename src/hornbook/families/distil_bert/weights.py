"""How checkpoints hold the family: config and weights."""

from hornbook.checkpoints.config_map import Field, Inert
from hornbook.checkpoints.weight_map import Drop, Map, Row, layer_norm, linear
from hornbook.families.heads import vocabulary_rows

CONFIG = (
    Field("vocab_size", "vocabulary_size", 30522),
    Field("n_layers", "num_layers", 6),
    Field("n_heads", "num_heads", 12),
    Field("dim", "hidden_dim", 768),
    Field("hidden_dim", "intermediate_dim", 3072),
    Field("max_position_embeddings", "max_sequence_length", 512),
    Field("activation", "activation", "gelu"),
    Field("dropout", "dropout", 0.1),
    Field("attention_dropout", "attention_dropout", 0.1),
    Field("initializer_range", "initializer_range", 0.02),
    Field("tie_word_embeddings", "tie_word_embeddings", True),
    Field("bos_token_id", "start_token_id", None),
    Field("eos_token_id", "end_token_id", None),
    Field("pad_token_id", "pad_token_id", 0),
    # Sines are what fresh position embeddings start from; checkpoints hold them as any others.
    Inert(("sinusoidal_pos_embds", "qa_dropout", "seq_classif_dropout", "tie_weights_")),
    Inert(("output_past",)),
)

_LAYER, _BRICK = "distilbert.transformer.layer.{i}.", "layers_{i}/"

WEIGHTS: tuple[Row, ...] = (
    Map("distilbert.embeddings.word_embeddings.weight", "token_embedding/embeddings"),
    Map("distilbert.embeddings.position_embeddings.weight", "position_embedding/embeddings"),
    *layer_norm("distilbert.embeddings.LayerNorm", "embedding_norm"),
    *linear(_LAYER + "attention.q_lin", _BRICK + "attention/query"),
    *linear(_LAYER + "attention.k_lin", _BRICK + "attention/key"),
    *linear(_LAYER + "attention.v_lin", _BRICK + "attention/value"),
    *linear(_LAYER + "attention.out_lin", _BRICK + "attention/output"),
    *layer_norm(_LAYER + "sa_layer_norm", _BRICK + "attention_norm"),
    *linear(_LAYER + "ffn.lin1", _BRICK + "feed_forward/up"),
    *linear(_LAYER + "ffn.lin2", _BRICK + "feed_forward/down"),
    *layer_norm(_LAYER + "output_layer_norm", _BRICK + "feed_forward_norm"),
    Drop("distilbert.embeddings.position_ids", "the numbers from 0 on"),
)

VOCABULARY = vocabulary_rows("vocab_transform", "vocab_layer_norm", "vocab_projector")
CLASSIFIER = (*linear("pre_classifier", "transform"), *linear("classifier", "classifier"))
