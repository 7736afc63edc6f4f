"""ModernBERT (Warner et al., 2024)."""

from dataclasses import replace

from hornbook.families import bert
from hornbook.families.family import Family, Head
from hornbook.families.heads import masked_lm
from hornbook.families.layer_types import FULL, SLIDING
from hornbook.families.modernbert import model, weights
from hornbook.families.modernbert.presets import PRESETS
from hornbook.layers.head_layers import HeadLayers, Transform
from hornbook.tokenizers import BytePairTokenizer
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.ModernBertConfig(
    vocabulary_size=53, num_layers=3, num_heads=3, hidden_dim=30, intermediate_dim=50,
    max_sequence_length=40, local_attention=5, global_rope_max_wavelength=300.0,
    local_rope_max_wavelength=50.0, layer_norm_epsilon=0.01, initializer_range=0.3,
    start_token_id=1, end_token_id=2, pad_token_id=3,
)  # fmt: skip
_BIASES = replace(
    _TINY, layer_types=(SLIDING, FULL), norm_bias=True, attention_bias=True, feed_forward_bias=True
)
_OF_TOKENS = HeadLayers(
    transform=Transform(activation="gelu", use_bias=False, norm=True, norm_bias=None),
    dropout_key="classifier_dropout",
    dropout=0.0,
)
_POOLED = replace(_OF_TOKENS, pooling="cls", pooling_key="classifier_pooling")

FAMILY = Family(
    name="modernbert",
    prefix="ModernBert",
    title="ModernBERT",
    paper='Warner et al., "Smarter, Better, Faster, Longer" (2024)',
    hf_types=("modernbert",),
    hf_class="ModernBertModel",
    hf_prefix="model",
    config_class=model.ModernBertConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        Head("TextEmbedder", "ModernBertModel"),
        Head("TextClassifier", "ModernBertForSequenceClassification", weights.HEAD, _POOLED),
        Head("MultipleChoice", "ModernBertForMultipleChoice", weights.HEAD, _POOLED),
        Head("TokenClassifier", "ModernBertForTokenClassification", weights.HEAD, _OF_TOKENS),
        Head("QuestionAnswering", "ModernBertForQuestionAnswering", weights.SPAN, _OF_TOKENS),
        masked_lm("ModernBertForMaskedLM", weights.VOCABULARY, _OF_TOKENS.transform),
    ),
    tokenizer=TokenizerSpec(
        BytePairTokenizer, bert.FAMILY.tokenizer.special_tokens, {"normalization": "NFC"},
        hf_class="PreTrainedTokenizerFast", row_template=RowTemplate(),
    ),
    tiny={"base": _TINY, "biases": _BIASES, "untied": replace(_TINY, tie_word_embeddings=False)},
    presets=PRESETS,
)  # fmt: skip
