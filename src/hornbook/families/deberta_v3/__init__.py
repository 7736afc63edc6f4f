"""DeBERTaV3 (He et al., 2021)."""

from dataclasses import replace

from hornbook.checkpoints.weight_map import linear
from hornbook.families import bert
from hornbook.families.deberta_v3 import model, weights
from hornbook.families.deberta_v3.presets import PRESETS
from hornbook.families.family import Family, Head
from hornbook.families.heads import masked_lm, question_answering
from hornbook.layers.head_layers import HeadLayers, Transform
from hornbook.tokenizers import UnigramTokenizer
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.DebertaV3Config(
    vocabulary_size=53, num_layers=2, num_heads=3, hidden_dim=33, intermediate_dim=50,
    max_sequence_length=9, bucket_size=6, layer_norm_epsilon=0.01, initializer_range=0.3,
)  # fmt: skip
_POOLED = HeadLayers(
    pooling="cls", transform=Transform(activation="gelu"), dropout_key="cls_dropout"
)

FAMILY = Family(
    name="deberta_v3",
    prefix="DebertaV3",
    title="DeBERTaV3",
    paper='He et al., "DeBERTaV3: Improving DeBERTa using ELECTRA-Style Pre-Training" (2021)',
    hf_types=("deberta-v2",),
    hf_class="DebertaV2Model",
    hf_prefix="deberta",
    config_class=model.DebertaV3Config,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        Head("TextEmbedder", "DebertaV2Model"),
        Head("TextClassifier", "DebertaV2ForSequenceClassification", weights.POOLED, _POOLED),
        Head("MultipleChoice", "DebertaV2ForMultipleChoice", weights.POOLED, _POOLED),
        Head(
            "TokenClassifier",
            "DebertaV2ForTokenClassification",
            linear("classifier", "classifier"),
            HeadLayers(dropout="backbone"),
        ),
        question_answering("DebertaV2ForQuestionAnswering"),
        masked_lm("DebertaV2ForMaskedLM", weights.VOCABULARY),
    ),
    tokenizer=TokenizerSpec(
        base=UnigramTokenizer,
        special_tokens={
            "start_token": "[CLS]",
            "end_token": "[SEP]",
            **bert.FAMILY.tokenizer.special_tokens,
        },
        options={"plain_spaces": True, "last_tokens": ("[MASK]",)},
        hf_class="DebertaV2Tokenizer",
        row_template=RowTemplate(),
    ),
    tiny={
        "buckets": _TINY,
        "pretrained_head": replace(_TINY, legacy=False),
        "untied": replace(_TINY, tie_word_embeddings=False),
        "distances": replace(
            _TINY, bucket_size=None, max_distance=5, position_attention=(model.POSITION_TO_CONTENT,)
        ),
    },
    presets=PRESETS,
)
