"""ALBERT (Lan et al., 2019)."""

from dataclasses import replace

from hornbook.checkpoints.weight_map import linear
from hornbook.families.albert import model, weights
from hornbook.families.albert.presets import PRESETS
from hornbook.families.family import Family, Head
from hornbook.families.heads import masked_lm, masked_lm_and_next_sentence, question_answering
from hornbook.layers.head_layers import HeadLayers
from hornbook.tokenizers import UnigramTokenizer
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.spec import TokenizerSpec

_CLASSIFIER = linear("classifier", "classifier")
_POOLED = HeadLayers(pooling="pooler", dropout_key="classifier_dropout_prob", dropout=0.1)

_TINY = model.AlbertConfig(
    vocabulary_size=53, num_layers=3, num_heads=3, hidden_dim=33, intermediate_dim=50,
    max_sequence_length=40, num_segments=3, layer_norm_epsilon=0.01,
    initializer_range=0.3, embedding_dim=21, num_groups=2,
)  # fmt: skip

FAMILY = Family(
    name="albert",
    prefix="Albert",
    title="ALBERT",
    paper='Lan et al., "ALBERT: A Lite BERT for Self-supervised Learning" (2019)',
    hf_types=("albert",),
    hf_class="AlbertModel",
    hf_prefix="albert",
    config_class=model.AlbertConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        Head("TextEmbedder", "AlbertModel"),
        Head("TextClassifier", "AlbertForSequenceClassification", _CLASSIFIER, _POOLED),
        Head("MultipleChoice", "AlbertForMultipleChoice", _CLASSIFIER, _POOLED),
        Head(
            "TokenClassifier",
            "AlbertForTokenClassification",
            _CLASSIFIER,
            replace(_POOLED, pooling=None),
        ),
        question_answering("AlbertForQuestionAnswering"),
        masked_lm("AlbertForMaskedLM", weights.VOCABULARY),
        masked_lm_and_next_sentence(
            "AlbertForPreTraining",
            weights.VOCABULARY,
            "sop_classifier.classifier",
            dropout_key="classifier_dropout_prob",
        ),
    ),
    tokenizer=TokenizerSpec(
        base=UnigramTokenizer,
        special_tokens={
            "start_token": "[CLS]",
            "end_token": "[SEP]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "[MASK]",
        },
        options={"lowercase": True, "strip_accents": True, "plain_quotes": True},
        hf_class="AlbertTokenizer",
        row_template=RowTemplate(),
    ),
    tiny={
        "groups": _TINY,
        "one_group": replace(_TINY, num_groups=1),
        "untied": replace(_TINY, tie_word_embeddings=False),
    },
    presets=PRESETS,
)  # fmt: skip
