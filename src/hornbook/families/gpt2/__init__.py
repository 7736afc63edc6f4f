"""GPT-2 (Radford et al., 2019)."""

from dataclasses import replace

from hornbook.families.family import Family
from hornbook.families.gpt2 import model, weights
from hornbook.families.gpt2.presets import PRESETS, UNAVAILABLE
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.tokenizers import BytePairTokenizer
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.GPT2Config(
    vocabulary_size=53,
    num_layers=2,
    num_heads=3,
    hidden_dim=33,
    max_sequence_length=40,
    layer_norm_epsilon=0.01,
    initializer_range=0.3,
    start_token_id=1,
    end_token_id=1,
)

FAMILY = Family(
    name="gpt2",
    prefix="GPT2",
    title="GPT-2",
    paper='Radford et al., "Language Models are Unsupervised Multitask Learners" (2019)',
    hf_types=("gpt2",),
    hf_class="GPT2Model",
    hf_prefix="transformer",
    config_class=model.GPT2Config,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(causal_lm("GPT2LMHeadModel"), sequence_classification("GPT2ForSequenceClassification")),
    tokenizer=TokenizerSpec(
        base=BytePairTokenizer,
        special_tokens=dict.fromkeys(
            ("start_token", "end_token", "pad_token", "unk_token"), "<|endoftext|>"
        ),
        hf_class="GPT2Tokenizer",
    ),
    tiny={
        "tied": _TINY,
        "untied": replace(_TINY, tie_word_embeddings=False, intermediate_dim=50),
    },
    presets=PRESETS,
    unavailable=UNAVAILABLE,
    gguf=weights.GGUF,
)
