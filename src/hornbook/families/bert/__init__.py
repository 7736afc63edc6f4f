"""BERT (Devlin et al., 2018)."""

from dataclasses import replace

from hornbook.families.bert import model, weights
from hornbook.families.bert.presets import PRESETS, UNAVAILABLE
from hornbook.families.family import Family, Head
from hornbook.families.heads import (
    masked_lm,
    masked_lm_and_next_sentence,
    multiple_choice,
    next_sentence,
    pooled_classifier,
    question_answering,
    token_classification,
)
from hornbook.tokenizers import WordPieceTokenizer
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.BertConfig(
    vocabulary_size=53, num_layers=2, num_heads=3, hidden_dim=33, intermediate_dim=50,
    max_sequence_length=40, num_segments=3, layer_norm_epsilon=0.01, initializer_range=0.3,
)  # fmt: skip

FAMILY = Family(
    name="bert",
    prefix="Bert",
    title="BERT",
    paper='Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2018)',
    hf_types=("bert",),
    hf_class="BertModel",
    hf_prefix="bert",
    config_class=model.BertConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        Head("TextEmbedder", "BertModel"),
        pooled_classifier("BertForSequenceClassification"),
        masked_lm("BertForMaskedLM", weights.VOCABULARY),
        next_sentence("BertForNextSentencePrediction"),
        masked_lm_and_next_sentence("BertForPreTraining", weights.VOCABULARY),
        token_classification("BertForTokenClassification"),
        question_answering("BertForQuestionAnswering"),
        multiple_choice("BertForMultipleChoice"),
    ),
    tokenizer=TokenizerSpec(
        base=WordPieceTokenizer,
        special_tokens={
            "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]",
            "mask_token": "[MASK]", "unk_token": "[UNK]",
        },
        options={"special_tokens_in_strings": True},
        hf_class="BertTokenizer",
    ),
    tiny={"base": _TINY, "untied": replace(_TINY, tie_word_embeddings=False)},
    presets=PRESETS,
    unavailable=UNAVAILABLE,
)  # fmt: skip
