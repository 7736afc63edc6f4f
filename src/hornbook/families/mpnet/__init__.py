"""MPNet (Song et al., 2020)."""

from dataclasses import replace

from hornbook.checkpoints.weight_map import linear
from hornbook.families.family import Family, Head
from hornbook.families.heads import masked_lm, question_answering
from hornbook.families.mpnet import model, weights
from hornbook.families.mpnet.presets import PRESETS
from hornbook.layers.head_layers import HeadLayers, Transform
from hornbook.tokenizers import WordPieceTokenizer
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.MPNetConfig(
    vocabulary_size=53, num_layers=2, num_heads=3, hidden_dim=33, intermediate_dim=50,
    max_sequence_length=40, layer_norm_epsilon=0.01, initializer_range=0.3,
)  # fmt: skip

FAMILY = Family(
    name="mpnet",
    prefix="MPNet",
    title="MPNet",
    paper='Song et al., "MPNet: Masked and Permuted Pre-training for Language" (2020)',
    hf_types=("mpnet",),
    hf_class="MPNetModel",
    hf_prefix="mpnet",
    config_class=model.MPNetConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        Head("TextEmbedder", "MPNetModel"),
        Head(
            "TextClassifier",
            "MPNetForSequenceClassification",
            weights.CLASSIFIER,
            HeadLayers(
                pooling="cls",
                transform=Transform(activation="tanh", dropout_before=True),
                dropout="backbone",
            ),
        ),
        Head(
            "MultipleChoice",
            "MPNetForMultipleChoice",
            linear("classifier", "classifier"),
            HeadLayers(pooling="pooler", dropout="backbone"),
        ),
        Head(
            "TokenClassifier",
            "MPNetForTokenClassification",
            linear("classifier", "classifier"),
            HeadLayers(dropout="backbone"),
        ),
        question_answering("MPNetForQuestionAnswering"),
        masked_lm(
            "MPNetForMaskedLM", weights.VOCABULARY, Transform(activation="gelu", norm=True)
        ),
    ),
    tokenizer=TokenizerSpec(
        base=WordPieceTokenizer,
        special_tokens={
            "start_token": "<s>",
            "end_token": "</s>",
            "cls_token": "<s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "[UNK]",
            "mask_token": "<mask>",
        },
        options={"special_tokens_in_strings": True},
        hf_class="MPNetTokenizer",
        row_template=RowTemplate(between=("sep_token", "sep_token"), second_segment=0),
    ),
    tiny={"base": _TINY, "untied": replace(_TINY, tie_word_embeddings=False)},
    presets=PRESETS,
)  # fmt: skip
