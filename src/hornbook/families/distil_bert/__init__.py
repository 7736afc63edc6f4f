"""DistilBERT (Sanh et al., 2019)."""

from dataclasses import replace

from hornbook.checkpoints.weight_map import linear
from hornbook.families import bert
from hornbook.families.distil_bert import model, weights
from hornbook.families.distil_bert.presets import PRESETS
from hornbook.families.family import Family, Head
from hornbook.families.heads import masked_lm
from hornbook.layers.head_layers import HeadLayers, Transform

_CLASSIFIER = HeadLayers(
    pooling="cls",
    transform=Transform(activation="relu"),
    dropout_key="seq_classif_dropout",
    dropout=0.2,
)

_TINY = model.DistilBertConfig(
    vocabulary_size=53, num_layers=2, num_heads=3, hidden_dim=33, intermediate_dim=50,
    max_sequence_length=40, initializer_range=0.3,
)  # fmt: skip

FAMILY = Family(
    name="distil_bert",
    prefix="DistilBert",
    title="DistilBERT",
    paper='Sanh et al., "DistilBERT, a distilled version of BERT" (2019)',
    hf_types=("distilbert",),
    hf_class="DistilBertModel",
    hf_prefix="distilbert",
    config_class=model.DistilBertConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        Head("TextEmbedder", "DistilBertModel"),
        Head(
            "TextClassifier", "DistilBertForSequenceClassification", weights.CLASSIFIER, _CLASSIFIER
        ),
        Head("MultipleChoice", "DistilBertForMultipleChoice", weights.CLASSIFIER, _CLASSIFIER),
        Head(
            "TokenClassifier",
            "DistilBertForTokenClassification",
            linear("classifier", "classifier"),
            HeadLayers(dropout="backbone"),
        ),
        Head(
            "QuestionAnswering",
            "DistilBertForQuestionAnswering",
            linear("qa_outputs", "span"),
            HeadLayers(dropout_key="qa_dropout", dropout=0.1),
        ),
        masked_lm("DistilBertForMaskedLM", weights.VOCABULARY),
    ),
    tokenizer=bert.FAMILY.tokenizer,
    tiny={"base": _TINY, "untied": replace(_TINY, tie_word_embeddings=False)},
    presets=PRESETS,
)  # fmt: skip
