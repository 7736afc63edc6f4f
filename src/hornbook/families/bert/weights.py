"""How checkpoints hold the family: config and weights."""

from hornbook.checkpoints.config_map import Field, Fixed, Inert
from hornbook.checkpoints.weight_map import Drop, Map, Row, layer_norm, linear

CONFIG = (
    Field("vocab_size", "vocabulary_size"),
    Field("num_hidden_layers", "num_layers"),
    Field("num_attention_heads", "num_heads"),
    Field("hidden_size", "hidden_dim"),
    Field("intermediate_size", "intermediate_dim"),
    Field("max_position_embeddings", "max_sequence_length", 512),
    Field("type_vocab_size", "num_segments", 2),
    Field("hidden_act", "activation", "gelu"),
    Field("layer_norm_eps", "layer_norm_epsilon", 1e-12),
    Field("hidden_dropout_prob", "dropout", 0.1),
    Field("attention_probs_dropout_prob", "attention_dropout", 0.1),
    Field("initializer_range", "initializer_range", 0.02),
    Field("tie_word_embeddings", "tie_word_embeddings", True),
    Field("bos_token_id", "start_token_id", None),
    Field("eos_token_id", "end_token_id", None),
    Field("pad_token_id", "pad_token_id", 0),
    Fixed("position_embedding_type", "absolute", written=False),
    Fixed("is_decoder", False),
    Fixed("add_cross_attention", False),
    Inert((
        "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
        "pooler_size_per_head", "pooler_type",
    )),
)  # fmt: skip

_LAYER, _BRICK = "bert.encoder.layer.{i}.", "layers_{i}/"

WEIGHTS: tuple[Row, ...] = (
    Map("bert.embeddings.word_embeddings.weight", "token_embedding/embeddings"),
    Map("bert.embeddings.position_embeddings.weight", "position_embedding/embeddings"),
    Map("bert.embeddings.token_type_embeddings.weight", "segment_embedding/embeddings"),
    *layer_norm("bert.embeddings.LayerNorm", "embedding_norm"),
    *linear(_LAYER + "attention.self.query", _BRICK + "attention/query"),
    *linear(_LAYER + "attention.self.key", _BRICK + "attention/key"),
    *linear(_LAYER + "attention.self.value", _BRICK + "attention/value"),
    *linear(_LAYER + "attention.output.dense", _BRICK + "attention/output"),
    *layer_norm(_LAYER + "attention.output.LayerNorm", _BRICK + "attention_norm"),
    *linear(_LAYER + "intermediate.dense", _BRICK + "feed_forward/up"),
    *linear(_LAYER + "output.dense", _BRICK + "feed_forward/down"),
    *layer_norm(_LAYER + "output.LayerNorm", _BRICK + "feed_forward_norm"),
    *linear("bert.pooler.dense", "pooler"),
    Drop("bert.embeddings.position_ids", "the numbers from 0 on"),
    *(
        Drop(f"cls.{name}", "a pretraining head, which no task here has")
        for name in (
            "predictions.bias", "predictions.decoder.weight", "predictions.decoder.bias",
            "predictions.transform.dense.weight", "predictions.transform.dense.bias",
            "predictions.transform.LayerNorm.weight", "predictions.transform.LayerNorm.bias",
            "seq_relationship.weight", "seq_relationship.bias",
        )
    ),
)  # fmt: skip
