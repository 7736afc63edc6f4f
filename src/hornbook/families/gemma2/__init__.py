"""Gemma 2 (Gemma Team, 2024)."""

from dataclasses import replace

from hornbook.families import gemma
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.gemma2 import model, weights
from hornbook.families.gemma2.presets import PRESETS
from hornbook.families.heads import causal_lm, decoder_embedder, sequence_classification
from hornbook.families.layer_types import FULL, SLIDING

_TINY = model.Gemma2Config(
    **TINY_SIZES,
    head_dim=10,
    sliding_window=5,
    layer_types=(SLIDING, FULL),
    query_pre_attn_scalar=10,
    attention_logit_softcap=3.0,
    final_logit_softcap=2.0,
)

FAMILY = replace(
    gemma.FAMILY,
    name="gemma2",
    prefix="Gemma2",
    title="Gemma 2",
    paper='Gemma Team, "Gemma 2: Improving Open Language Models at a Practical Size" (2024)',
    hf_types=("gemma2",),
    hf_class="Gemma2Model",
    config_class=model.Gemma2Config,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("Gemma2ForCausalLM"),
        sequence_classification("Gemma2ForSequenceClassification"),
        decoder_embedder("Gemma2Model"),
    ),
    tiny={
        "alternating": _TINY,
        "without_caps": replace(
            _TINY,
            layer_types=(FULL,),
            attention_logit_softcap=None,
            final_logit_softcap=None,
            tie_word_embeddings=False,
        ),
        "biases": replace(_TINY, attention_bias=True),
    },
    presets=PRESETS,
    gguf=weights.GGUF,
)
