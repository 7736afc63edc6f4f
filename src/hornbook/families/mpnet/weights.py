"""How checkpoints hold the family: config and weights."""

from hornbook.checkpoints.config_map import Conversion, Field, Fixed
from hornbook.checkpoints.weight_map import Drop, Map, Row, layer_norm, linear
from hornbook.families.heads import vocabulary_rows
from hornbook.families.mpnet.model import MPNetConfig

_UNUSED = MPNetConfig.pad_token_id + 1  # positions up to the padding token's number
_POSITIONS = Conversion(lambda rows: rows - _UNUSED, lambda length: length + _UNUSED)

CONFIG = (
    Field("vocab_size", "vocabulary_size", 30527),
    Field("num_hidden_layers", "num_layers", 12),
    Field("num_attention_heads", "num_heads", 12),
    Field("hidden_size", "hidden_dim", 768),
    Field("intermediate_size", "intermediate_dim", 3072),
    Field("max_position_embeddings", "max_sequence_length", 512, _POSITIONS),
    Field("hidden_act", "activation", "gelu"),
    Field("layer_norm_eps", "layer_norm_epsilon", 1e-12),
    Field("hidden_dropout_prob", "dropout", 0.1),
    Field("attention_probs_dropout_prob", "attention_dropout", 0.1),
    Field("initializer_range", "initializer_range", 0.02),
    Field("tie_word_embeddings", "tie_word_embeddings", True),
    Field("bos_token_id", "start_token_id", 0),
    Field("eos_token_id", "end_token_id", 2),
    # Of these, transformers uses one value whatever a file says.
    Fixed("pad_token_id", MPNetConfig.pad_token_id),
    Fixed("relative_attention_num_buckets", MPNetConfig.num_buckets),
)

_LAYER, _BRICK = "mpnet.encoder.layer.{i}.", "layers_{i}/"

WEIGHTS: tuple[Row, ...] = (
    Map("mpnet.embeddings.word_embeddings.weight", "token_embedding/embeddings"),
    Map("mpnet.embeddings.position_embeddings.weight", "position_embedding/embeddings"),
    *layer_norm("mpnet.embeddings.LayerNorm", "embedding_norm"),
    Map("mpnet.encoder.relative_attention_bias.weight", "position_bias/embeddings"),
    *linear(_LAYER + "attention.attn.q", _BRICK + "attention/query"),
    *linear(_LAYER + "attention.attn.k", _BRICK + "attention/key"),
    *linear(_LAYER + "attention.attn.v", _BRICK + "attention/value"),
    *linear(_LAYER + "attention.attn.o", _BRICK + "attention/output"),
    *layer_norm(_LAYER + "attention.LayerNorm", _BRICK + "attention_norm"),
    *linear(_LAYER + "intermediate.dense", _BRICK + "feed_forward/up"),
    *linear(_LAYER + "output.dense", _BRICK + "feed_forward/down"),
    *layer_norm(_LAYER + "output.LayerNorm", _BRICK + "feed_forward_norm"),
    *linear("mpnet.pooler.dense", "pooler"),
    Drop("mpnet.embeddings.position_ids", "the numbers from 0 on"),
)

VOCABULARY = vocabulary_rows(
    "lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head.bias"
)
CLASSIFIER = (
    *linear("classifier.dense", "transform"),
    *linear("classifier.out_proj", "classifier"),
)
