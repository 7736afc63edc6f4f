"""How checkpoints hold the family: config and weights."""

from hornbook.checkpoints.config_map import Field, Fixed, Inert, extend
from hornbook.checkpoints.weight_map import Drop, Row, linear, only, weight_and_bias
from hornbook.families.bert import weights as bert
from hornbook.families.electra.model import is_projected
from hornbook.families.heads import vocabulary_rows

CONFIG = extend(
    bert.CONFIG,
    Field("vocab_size", "vocabulary_size", 30522),
    Field("num_hidden_layers", "num_layers", 12),
    Field("num_attention_heads", "num_heads", 4),
    Field("hidden_size", "hidden_dim", 256),
    Field("intermediate_size", "intermediate_dim", 1024),
    Field("embedding_size", "embedding_dim", 128),
    Fixed("summary_type", "first"),
    Fixed("summary_use_proj", True),
    Fixed("summary_activation", "gelu"),
    Inert(("summary_last_dropout",)),
)

WEIGHTS: tuple[Row, ...] = (
    *bert.embeddings("electra"),
    *only(is_projected, linear("electra.embeddings_project", "input_projection")),
    Drop(
        weight_and_bias("electra.embeddings_project"),
        "trained, but not used where both widths are the same",
        when=lambda config: not is_projected(config),
    ),
    *bert.layers("electra"),
)

DETECTOR = (
    *linear("discriminator_predictions.dense", "transform"),
    *linear("discriminator_predictions.dense_prediction", "replaced"),
)
VOCABULARY = vocabulary_rows(
    "generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head"
)
CLASSIFIER = (
    *linear("classifier.dense", "transform"),
    *linear("classifier.out_proj", "classifier"),
)
CHOICE = (*linear("sequence_summary.summary", "transform"), *linear("classifier", "classifier"))
