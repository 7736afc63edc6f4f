"""OPT (Zhang et al., 2022)."""

from dataclasses import replace

from hornbook.families.family import Family
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.families.opt import model, weights
from hornbook.families.opt.presets import PRESETS
from hornbook.tokenizers import BytePairTokenizer
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.OPTConfig(
    vocabulary_size=53,
    num_layers=2,
    num_heads=3,
    hidden_dim=33,
    intermediate_dim=50,
    embedding_dim=33,
    max_sequence_length=40,
    initializer_range=0.3,
)

FAMILY = Family(
    name="opt",
    prefix="OPT",
    title="OPT",
    paper='Zhang et al., "OPT: Open Pre-trained Transformer Language Models" (2022)',
    hf_types=("opt",),
    hf_class="OPTModel",
    hf_prefix="model",
    config_class=model.OPTConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(causal_lm("OPTForCausalLM"), sequence_classification("OPTForSequenceClassification")),
    tokenizer=TokenizerSpec(
        base=BytePairTokenizer,
        special_tokens={
            "start_token": "</s>",
            "end_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "</s>",
        },
        options={"add_start_token": True},
        hf_class="GPT2Tokenizer",
    ),
    tiny={
        "tied": _TINY,
        "untied": replace(_TINY, tie_word_embeddings=False),
        "projected": replace(_TINY, embedding_dim=21),
        "projected_untied": replace(_TINY, embedding_dim=21, tie_word_embeddings=False),
        "post_norm": replace(_TINY, norm_first=False),
        "projected_post_norm": replace(_TINY, norm_first=False, embedding_dim=21),
        "without_biases": replace(_TINY, use_bias=False),
    },
    presets=PRESETS,
)
