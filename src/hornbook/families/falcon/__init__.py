"""Falcon (Almazrouei et al., 2023)."""

from dataclasses import replace

from hornbook.families.falcon import model, weights
from hornbook.families.falcon.presets import PRESETS
from hornbook.families.family import Family
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.layers.rope_scaling import RopeScaling
from hornbook.tokenizers import BytePairTokenizer
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.FalconConfig(
    vocabulary_size=53,
    num_layers=2,
    num_query_heads=6,
    num_key_value_heads=6,
    hidden_dim=36,
    intermediate_dim=44,
    max_sequence_length=40,
    layer_norm_epsilon=0.01,
    initializer_range=0.3,
)
_GROUPED = replace(_TINY, new_decoder_architecture=True, num_key_value_heads=2)

FAMILY = Family(
    name="falcon",
    prefix="Falcon",
    title="Falcon",
    paper='Almazrouei et al., "The Falcon Series of Open Language Models" (2023)',
    hf_types=("falcon",),
    hf_class="FalconModel",
    hf_prefix="transformer",
    config_class=model.FalconConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("FalconForCausalLM"),
        sequence_classification("FalconForSequenceClassification"),
    ),
    tokenizer=TokenizerSpec(
        base=BytePairTokenizer,
        special_tokens=dict.fromkeys(("end_token", "pad_token"), "<|endoftext|>"),
    ),
    tiny={
        "multi_query": _TINY,
        "grouped": replace(_GROUPED, rope_scaling=RopeScaling("linear", 2.0)),
        "one_norm": replace(_GROUPED, num_parallel_norms=1, tie_word_embeddings=False),
        "sequential": replace(_TINY, parallel=False),
        "all_heads": replace(_TINY, multi_query=False),
        "biases": replace(_TINY, use_bias=True),
        "parallel_alibi": replace(_TINY, alibi=True),
        "alibi": replace(
            _TINY,
            num_query_heads=9,
            num_key_value_heads=9,
            alibi=True,
            multi_query=False,
            parallel=False,
            use_bias=True,
        ),
    },
    presets=PRESETS,
    hf_attention="sdpa",  # the eager form adds biases of distances twice
)
