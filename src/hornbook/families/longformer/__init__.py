"""Longformer (Beltagy et al., 2020)."""

from dataclasses import replace

from hornbook.checkpoints.weight_map import linear
from hornbook.families import roberta
from hornbook.families.family import Head
from hornbook.families.heads import masked_lm
from hornbook.families.longformer import model, weights
from hornbook.families.longformer.presets import PRESETS
from hornbook.families.roberta.weights import CLASSIFIER, VOCABULARY
from hornbook.layers.head_layers import HeadLayers, Transform

_TINY = model.LongformerConfig(
    vocabulary_size=53, num_layers=2, num_heads=3, hidden_dim=33, intermediate_dim=50,
    max_sequence_length=40, num_segments=3, attention_window=(4, 6), layer_norm_epsilon=0.01,
    initializer_range=0.3, start_token_id=5, pad_token_id=3,
)  # fmt: skip
_OF_TOKENS = HeadLayers(dropout="backbone")

FAMILY = replace(
    roberta.FAMILY,
    name="longformer",
    prefix="Longformer",
    title="Longformer",
    paper='Beltagy et al., "Longformer: The Long-Document Transformer" (2020)',
    hf_types=("longformer",),
    hf_class="LongformerModel",
    hf_prefix="longformer",
    config_class=model.LongformerConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        Head("TextEmbedder", "LongformerModel"),
        Head(
            "TextClassifier",
            "LongformerForSequenceClassification",
            CLASSIFIER,
            replace(
                _OF_TOKENS,
                pooling="cls",
                transform=Transform(activation="tanh", dropout_before=True),
                global_tokens="first",
            ),
        ),
        Head(
            "MultipleChoice",
            "LongformerForMultipleChoice",
            linear("classifier", "classifier"),
            replace(_OF_TOKENS, pooling="pooler", global_tokens="second_text"),
        ),
        Head(
            "TokenClassifier",
            "LongformerForTokenClassification",
            linear("classifier", "classifier"),
            _OF_TOKENS,
        ),
        Head(
            "QuestionAnswering",
            "LongformerForQuestionAnswering",
            linear("qa_outputs", "span"),
            HeadLayers(global_tokens="first_text"),
        ),
        masked_lm("LongformerForMaskedLM", VOCABULARY, Transform(activation="gelu", norm=True)),
    ),
    tiny={
        "two_windows": _TINY,
        "one_window": replace(_TINY, attention_window=(4,), tie_word_embeddings=False),
    },
    presets=PRESETS,
)
