"""BLOOM (BigScience Workshop, 2022)."""

from dataclasses import replace

from hornbook.families.bloom import model, weights
from hornbook.families.bloom.presets import PRESETS
from hornbook.families.family import Family
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.tokenizers import BytePairTokenizer
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.BloomConfig(
    vocabulary_size=53,
    num_layers=2,
    num_heads=3,
    hidden_dim=33,
    max_sequence_length=40,
    layer_norm_epsilon=0.01,
    initializer_range=0.3,
)

FAMILY = Family(
    name="bloom",
    prefix="Bloom",
    title="BLOOM",
    paper='BigScience Workshop, "BLOOM: A 176B-Parameter Open-Access Multilingual Language Model" '
    "(2022)",
    hf_types=("bloom",),
    hf_class="BloomModel",
    hf_prefix="transformer",
    config_class=model.BloomConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("BloomForCausalLM"),
        sequence_classification("BloomForSequenceClassification"),
    ),
    tokenizer=TokenizerSpec(
        base=BytePairTokenizer,
        special_tokens={
            "start_token": "<s>",
            "end_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
        },
    ),
    tiny={
        "tied": _TINY,
        "untied": replace(_TINY, num_heads=4, hidden_dim=28, tie_word_embeddings=False),
    },
    presets=PRESETS,
)
