"""XLNet (Yang et al., 2019)."""

from dataclasses import replace

from hornbook.checkpoints.weight_map import linear
from hornbook.families.family import Family, Head
from hornbook.families.heads import question_answering
from hornbook.families.xlnet import model, weights
from hornbook.families.xlnet.presets import PRESETS
from hornbook.layers.head_layers import HeadLayers, Transform
from hornbook.tokenizers import UnigramTokenizer
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.spec import TokenizerSpec

_SUMMARY = (
    *linear("sequence_summary.summary", "transform"),
    *linear("logits_proj", "classifier"),
)
_LAST = HeadLayers(
    pooling="last",
    transform=Transform(activation="tanh"),
    dropout_key="summary_last_dropout",
    dropout=0.1,
)

_TINY = model.XLNetConfig(
    vocabulary_size=53, num_layers=2, num_heads=3, hidden_dim=36, intermediate_dim=50,
    max_distance=5, layer_norm_epsilon=0.01, initializer_range=0.3,
)  # fmt: skip

FAMILY = Family(
    name="xlnet",
    prefix="XLNet",
    title="XLNet",
    paper='Yang et al., "XLNet: Generalized Autoregressive Pretraining" (2019)',
    hf_types=("xlnet",),
    hf_class="XLNetModel",
    hf_prefix="transformer",
    config_class=model.XLNetConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        Head("TextEmbedder", "XLNetModel"),
        Head("TextClassifier", "XLNetForSequenceClassification", _SUMMARY, _LAST),
        Head("MultipleChoice", "XLNetForMultipleChoice", _SUMMARY, _LAST),
        Head(
            "TokenClassifier",
            "XLNetForTokenClassification",
            linear("classifier", "classifier"),
            HeadLayers(),
        ),
        question_answering("XLNetForQuestionAnsweringSimple"),
    ),
    tokenizer=TokenizerSpec(
        base=UnigramTokenizer,
        special_tokens={
            "start_token": "<s>",
            "end_token": "</s>",
            "cls_token": "<cls>",
            "sep_token": "<sep>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "<mask>",
        },
        options={
            "strip_accents": True,
            "plain_quotes": True,
            "last_tokens": ("<eod>", "<eop>"),
        },
        hf_class="XLNetTokenizer",
        sentence_piece={"unknown_first": True},
        row_template=RowTemplate(
            prefix=(), suffix=("sep_token", "cls_token"), last_segment=2
        ),
    ),
    tiny={
        "base": _TINY,
        "all_distances": replace(_TINY, max_distance=None, tie_word_embeddings=False),
    },
    presets=PRESETS,
)  # fmt: skip
