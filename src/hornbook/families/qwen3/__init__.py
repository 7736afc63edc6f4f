"""Qwen3 (Yang et al., 2025)."""

from dataclasses import replace

from hornbook.families import qwen2
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.heads import causal_lm, decoder_embedder, sequence_classification
from hornbook.families.layer_types import FULL, SLIDING
from hornbook.families.qwen3 import model, weights
from hornbook.families.qwen3.presets import PRESETS

_TINY = model.Qwen3Config(**TINY_SIZES, head_dim=10, sliding_window=5, layer_types=(FULL, SLIDING))

FAMILY = replace(
    qwen2.FAMILY,
    name="qwen3",
    prefix="Qwen3",
    title="Qwen3",
    paper='Yang et al., "Qwen3 Technical Report" (2025)',
    hf_types=("qwen3",),
    hf_class="Qwen3Model",
    config_class=model.Qwen3Config,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("Qwen3ForCausalLM"),
        sequence_classification("Qwen3ForSequenceClassification"),
        decoder_embedder("Qwen3Model"),
    ),
    tiny={
        "windowed": _TINY,
        "full": replace(_TINY, sliding_window=None, layer_types=(FULL,), tie_word_embeddings=True),
        "biases": replace(_TINY, attention_bias=True),
    },
    presets=PRESETS,
    gguf=weights.GGUF,
)
