"""Mistral (Jiang et al., 2023)."""

from dataclasses import replace

from hornbook.families import llama
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.heads import causal_lm, decoder_embedder, sequence_classification
from hornbook.families.mistral import model, weights
from hornbook.families.mistral.presets import PRESETS

_TINY = model.MistralConfig(**TINY_SIZES, head_dim=10, sliding_window=5)

FAMILY = replace(
    llama.FAMILY,
    name="mistral",
    prefix="Mistral",
    title="Mistral",
    paper='Jiang et al., "Mistral 7B" (2023)',
    hf_types=("mistral",),
    hf_class="MistralModel",
    config_class=model.MistralConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("MistralForCausalLM"),
        sequence_classification("MistralForSequenceClassification"),
        decoder_embedder("MistralModel"),
    ),
    tiny={
        "windowed": _TINY,
        "full": replace(_TINY, sliding_window=None, tie_word_embeddings=True),
    },
    presets=PRESETS,
    gguf=weights.GGUF,
)
