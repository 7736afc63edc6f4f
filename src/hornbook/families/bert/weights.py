"""How checkpoints hold the family: config and weights."""

from hornbook.checkpoints.config_map import Field, Fixed, Inert
from hornbook.checkpoints.weight_map import Drop, Map, Row, layer_norm, linear
from hornbook.families.heads import vocabulary_rows

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


def embeddings(model: str) -> tuple[Row, ...]:
    """The rows of the embeddings, given what all names in the checkpoint start with."""
    return (
        Map(f"{model}.embeddings.word_embeddings.weight", "token_embedding/embeddings"),
        Map(f"{model}.embeddings.position_embeddings.weight", "position_embedding/embeddings"),
        Map(f"{model}.embeddings.token_type_embeddings.weight", "segment_embedding/embeddings"),
        *layer_norm(f"{model}.embeddings.LayerNorm", "embedding_norm"),
        Drop(f"{model}.embeddings.position_ids", "the numbers from 0 on"),
    )


def layers(model: str) -> tuple[Row, ...]:
    """The rows of the layers."""
    layer, brick = model + ".encoder.layer.{i}.", "layers_{i}/"
    return (
        *linear(layer + "attention.self.query", brick + "attention/query"),
        *linear(layer + "attention.self.key", brick + "attention/key"),
        *linear(layer + "attention.self.value", brick + "attention/value"),
        *linear(layer + "attention.output.dense", brick + "attention/output"),
        *layer_norm(layer + "attention.output.LayerNorm", brick + "attention_norm"),
        *linear(layer + "intermediate.dense", brick + "feed_forward/up"),
        *linear(layer + "output.dense", brick + "feed_forward/down"),
        *layer_norm(layer + "output.LayerNorm", brick + "feed_forward_norm"),
    )


WEIGHTS: tuple[Row, ...] = (
    *embeddings("bert"),
    *layers("bert"),
    *linear("bert.pooler.dense", "pooler"),
)

VOCABULARY = vocabulary_rows(
    "cls.predictions.transform.dense",
    "cls.predictions.transform.LayerNorm",
    "cls.predictions.decoder",
    "cls.predictions.bias",
)
