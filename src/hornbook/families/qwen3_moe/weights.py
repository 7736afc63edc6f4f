"""How checkpoints hold the family."""

from hornbook.checkpoints.config_map import Field, extend
from hornbook.families import expert_layers, qwen3
from hornbook.families import gated_decoder_maps as maps

CONFIG = extend(
    extend(qwen3.FAMILY.config, *expert_layers.SPARSE_CONFIG),
    Field("num_local_experts", "num_experts", 128, aliases=("num_experts",)),
    Field("num_experts_per_tok", "top_k", 8),
    Field("moe_intermediate_size", "moe_intermediate_dim", 768),
    Field("num_key_value_heads", "num_key_value_heads", 4),
    without=("layer_types",),
)

WEIGHTS = (
    *maps.FRAME,
    *maps.PRE_NORMS,
    *maps.attention(maps.attention_bias),
    *maps.HEAD_NORMS,
    *expert_layers.SPARSE_WEIGHTS,
)
