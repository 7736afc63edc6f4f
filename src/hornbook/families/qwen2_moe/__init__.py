"""Qwen2-MoE (Yang et al., 2024) and Qwen1.5-MoE."""

from dataclasses import replace

from hornbook.families import qwen2
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.families.layer_types import FULL, SLIDING
from hornbook.families.qwen2_moe import model, weights
from hornbook.families.qwen2_moe.presets import PRESETS

_TINY = model.Qwen2MoeConfig(
    **TINY_SIZES,
    num_experts=5,
    top_k=4,
    moe_intermediate_dim=12,
    shared_expert_intermediate_dim=14,
    sliding_window=5,
    layer_types=(FULL, SLIDING),
)

FAMILY = replace(
    qwen2.FAMILY,
    name="qwen2_moe",
    prefix="Qwen2Moe",
    title="Qwen2-MoE",
    paper='Yang et al., "Qwen2 Technical Report" (2024)',
    hf_types=("qwen2_moe",),
    hf_class="Qwen2MoeModel",
    config_class=model.Qwen2MoeConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("Qwen2MoeForCausalLM"),
        sequence_classification("Qwen2MoeForSequenceClassification"),
    ),
    tiny={
        "windowed": _TINY,
        "mixed": replace(
            _TINY, num_layers=3, mlp_only_layers=(0,), attention_bias=False,
            norm_top_k_prob=True, sliding_window=None, layer_types=(FULL,),
        ),
        "tied": replace(_TINY, tie_word_embeddings=True, output_router_logits=False),
    },
    presets=PRESETS,
    gguf=None,
)  # fmt: skip
