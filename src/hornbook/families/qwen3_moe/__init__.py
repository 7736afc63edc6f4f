"""Qwen3-MoE (Yang et al., 2025)."""

from dataclasses import replace

from hornbook.families import qwen3
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.families.qwen3_moe import model, weights
from hornbook.families.qwen3_moe.presets import PRESETS

_TINY = model.Qwen3MoeConfig(
    **TINY_SIZES, head_dim=10, num_experts=5, top_k=4, moe_intermediate_dim=12
)

FAMILY = replace(
    qwen3.FAMILY,
    name="qwen3_moe",
    prefix="Qwen3Moe",
    title="Qwen3-MoE",
    paper='Yang et al., "Qwen3 Technical Report" (2025)',
    hf_types=("qwen3_moe",),
    hf_class="Qwen3MoeModel",
    config_class=model.Qwen3MoeConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("Qwen3MoeForCausalLM"),
        sequence_classification("Qwen3MoeForSequenceClassification"),
    ),
    tiny={
        "full": _TINY,
        "windowed": replace(
            _TINY, num_layers=3, mlp_only_layers=(0,), norm_top_k_prob=False, top_k=2,
            sliding_window=5, attention_bias=True, tie_word_embeddings=True,
        ),
        "unbalanced": replace(_TINY, output_router_logits=False),
    },
    presets=PRESETS,
    gguf=None,
)  # fmt: skip
