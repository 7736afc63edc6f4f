"""Mixtral (Jiang et al., 2024)."""

from dataclasses import replace

from hornbook.families import mistral
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.families.mixtral import model, weights
from hornbook.families.mixtral.presets import PRESETS

_TINY = model.MixtralConfig(**TINY_SIZES, head_dim=10, num_experts=5, sliding_window=5)

FAMILY = replace(
    mistral.FAMILY,
    name="mixtral",
    prefix="Mixtral",
    title="Mixtral",
    paper='Jiang et al., "Mixtral of Experts" (2024)',
    hf_types=("mixtral",),
    hf_class="MixtralModel",
    config_class=model.MixtralConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("MixtralForCausalLM"),
        sequence_classification("MixtralForSequenceClassification"),
    ),
    tiny={
        "windowed": _TINY,
        "full": replace(
            _TINY, sliding_window=None, tie_word_embeddings=True, output_router_logits=False
        ),
    },
    presets=PRESETS,
    gguf=None,
)
