"""FNet (Lee-Thorp et al., 2021)."""

from dataclasses import replace

from hornbook.checkpoints.weight_map import linear
from hornbook.families.bert import weights as bert
from hornbook.families.f_net import model, weights
from hornbook.families.f_net.presets import PRESETS
from hornbook.families.family import Family, Head
from hornbook.families.heads import (
    masked_lm,
    masked_lm_and_next_sentence,
    next_sentence,
    question_answering,
)
from hornbook.layers.head_layers import HeadLayers
from hornbook.tokenizers import UnigramTokenizer
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.spec import TokenizerSpec

_CLASSIFIER = linear("classifier", "classifier")
_POOLED = HeadLayers(pooling="pooler", dropout="backbone")

_TINY = model.FNetConfig(
    vocabulary_size=53, num_layers=2, hidden_dim=33, intermediate_dim=50,
    max_sequence_length=40, num_segments=3, layer_norm_epsilon=0.01,
    initializer_range=0.3,
)  # fmt: skip

FAMILY = Family(
    name="f_net",
    prefix="FNet",
    title="FNet",
    paper='Lee-Thorp et al., "FNet: Mixing Tokens with Fourier Transforms" (2021)',
    hf_types=("fnet",),
    hf_class="FNetModel",
    hf_prefix="fnet",
    config_class=model.FNetConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        Head("TextEmbedder", "FNetModel"),
        Head("TextClassifier", "FNetForSequenceClassification", _CLASSIFIER, _POOLED),
        Head("MultipleChoice", "FNetForMultipleChoice", _CLASSIFIER, _POOLED),
        Head(
            "TokenClassifier",
            "FNetForTokenClassification",
            _CLASSIFIER,
            HeadLayers(dropout="backbone"),
            pooler=True,
        ),
        replace(question_answering("FNetForQuestionAnswering"), pooler=True),
        replace(masked_lm("FNetForMaskedLM", bert.VOCABULARY), pooler=True),
        next_sentence("FNetForNextSentencePrediction"),
        masked_lm_and_next_sentence("FNetForPreTraining", bert.VOCABULARY),
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
        options={"plain_quotes": True},
        hf_class="FNetTokenizer",
        row_template=RowTemplate(),
    ),
    tiny={"base": _TINY, "untied": replace(_TINY, tie_word_embeddings=False)},
    presets=PRESETS,
)  # fmt: skip
