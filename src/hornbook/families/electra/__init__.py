"""ELECTRA (Clark et al., 2020)."""

from dataclasses import replace

from hornbook.families import bert
from hornbook.families.electra import model, weights
from hornbook.families.electra.presets import PRESETS
from hornbook.families.family import Family, Head
from hornbook.families.heads import masked_lm, question_answering, token_classification
from hornbook.layers.head_layers import HeadLayers, Transform

_TINY = model.ElectraConfig(
    vocabulary_size=53, num_layers=2, num_heads=3, hidden_dim=33, intermediate_dim=50,
    max_sequence_length=40, num_segments=3, layer_norm_epsilon=0.01, initializer_range=0.3,
    embedding_dim=21,
)  # fmt: skip

FAMILY = Family(
    name="electra",
    prefix="Electra",
    title="ELECTRA",
    paper='Clark et al., "ELECTRA: Pre-training Text Encoders as Discriminators" (2020)',
    hf_types=("electra",),
    hf_class="ElectraModel",
    hf_prefix="electra",
    config_class=model.ElectraConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        Head("TextEmbedder", "ElectraModel"),
        Head(
            "TextClassifier",
            "ElectraForSequenceClassification",
            weights.CLASSIFIER,
            HeadLayers(
                pooling="cls",
                transform=Transform(activation="gelu", dropout_before=True),
                dropout_key="classifier_dropout",
            ),
        ),
        Head(
            "MultipleChoice",
            "ElectraForMultipleChoice",
            weights.CHOICE,
            HeadLayers(
                pooling="cls",
                transform=Transform(activation="gelu"),
                dropout_key="summary_last_dropout",
                dropout=0.1,
            ),
        ),
        token_classification("ElectraForTokenClassification"),
        question_answering("ElectraForQuestionAnswering"),
        masked_lm(
            "ElectraForMaskedLM", weights.VOCABULARY, Transform(activation="gelu", norm=True)
        ),
        Head(
            "ReplacedTokenDetector",
            "ElectraForPreTraining",
            weights.DETECTOR,
            HeadLayers(transform=Transform()),
        ),
    ),
    tokenizer=bert.FAMILY.tokenizer,
    tiny={"projected": _TINY, "plain": replace(_TINY, embedding_dim=33, tie_word_embeddings=False)},
    presets=PRESETS,
)
