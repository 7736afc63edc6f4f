"""Gemma 3's text models (Gemma Team, 2025)."""

from dataclasses import replace

from hornbook.families import gemma
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.gemma3 import model, weights
from hornbook.families.gemma3.presets import PRESETS
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.families.layer_types import FULL, SLIDING
from hornbook.layers.rope_scaling import RopeScaling

_TINY = model.Gemma3Config(
    **TINY_SIZES,
    head_dim=10,
    sliding_window=5,
    layer_types=(SLIDING, FULL),
    query_pre_attn_scalar=14,
    final_logit_softcap=2.0,
    rope_scaling=RopeScaling("linear", 2.0),
)

FAMILY = replace(
    gemma.FAMILY,
    name="gemma3",
    prefix="Gemma3",
    title="Gemma 3",
    paper='Gemma Team, "Gemma 3 Technical Report" (2025)',
    hf_types=("gemma3_text",),
    hf_class="Gemma3TextModel",
    config_class=model.Gemma3Config,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("Gemma3ForCausalLM"),
        sequence_classification("Gemma3TextForSequenceClassification"),
    ),
    tiny={
        "scaled": _TINY,
        "every_sixth": replace(
            _TINY,
            num_layers=6,
            layer_types=(SLIDING,) * 5 + (FULL,),
            query_pre_attn_scalar=10,
            final_logit_softcap=None,
            rope_scaling=None,
        ),
        "untied": replace(_TINY, tie_word_embeddings=False),
        "biases": replace(_TINY, attention_bias=True),
    },
    presets=PRESETS,
    gguf=weights.GGUF,
)
