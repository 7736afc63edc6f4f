"""XLM-RoBERTa (Conneau et al., 2019): RoBERTa with a SentencePiece tokenizer."""

from dataclasses import replace

from hornbook.families import roberta
from hornbook.families.xlm_roberta import model, weights
from hornbook.families.xlm_roberta.presets import PRESETS
from hornbook.tokenizers import UnigramTokenizer
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.XLMRobertaConfig(
    vocabulary_size=53, num_layers=2, num_heads=3, hidden_dim=33, intermediate_dim=50,
    max_sequence_length=40, num_segments=1, layer_norm_epsilon=0.01,
    initializer_range=0.3,
)  # fmt: skip

FAMILY = replace(
    roberta.FAMILY,
    name="xlm_roberta",
    prefix="XLMRoberta",
    title="XLM-RoBERTa",
    paper='Conneau et al., "Unsupervised Cross-lingual Representation Learning at Scale" (2019)',
    hf_types=("xlm-roberta",),
    hf_class="XLMRobertaModel",
    config_class=model.XLMRobertaConfig,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=roberta.heads("XLMRoberta"),
    tokenizer=TokenizerSpec(
        base=UnigramTokenizer,
        special_tokens=roberta.SPECIAL_TOKENS,
        options={
            "first_tokens": ("<s>", "<pad>", "</s>", "<unk>"),
            "last_tokens": ("<mask>",),
        },
        hf_class="XLMRobertaTokenizer",
        row_template=roberta.ROWS,
    ),
    tiny={"base": _TINY, "untied": replace(_TINY, tie_word_embeddings=False)},
    presets=PRESETS,
)  # fmt: skip
