"""How checkpoints hold the family."""

from collections.abc import Mapping
from typing import Any

from hornbook.checkpoints.config_map import Field, extend
from hornbook.checkpoints.weight_map import Map
from hornbook.families import expert_layers, qwen2
from hornbook.families import gated_decoder_maps as maps
from hornbook.families.expert_layers import BRICK, KERNELS, LAYER, SPARSE_WEIGHTS, with_experts
from hornbook.families.layer_types import FULL, SLIDING, layer_types, switched_window


def _every_other_windowed(raw: Mapping[str, Any]) -> list[str]:
    """The types of the layers in a file that doesn't list them."""
    end = raw.get("max_window_layers", 28) if raw.get("use_sliding_window") else 0
    layers = range(raw["num_hidden_layers"])
    return [SLIDING if i < end and i % 2 == 0 else FULL for i in layers]


CONFIG = extend(
    extend(qwen2.FAMILY.config, *expert_layers.SPARSE_CONFIG),
    Field("num_experts", "num_experts", 60),
    Field("num_experts_per_tok", "top_k", 4),
    Field("shared_expert_intermediate_size", "shared_expert_intermediate_dim", 5632),
    Field("num_key_value_heads", "num_key_value_heads", 16),
    Field("qkv_bias", "attention_bias", True),
    *switched_window(4096, unused=0),
    layer_types(_every_other_windowed),
    without=("use_mrope",),
)

WEIGHTS = (
    *maps.FRAME,
    *maps.PRE_NORMS,
    *maps.attention(maps.attention_bias, output_bias=maps.never),
    *SPARSE_WEIGHTS,
    *(
        Map(
            f"{LAYER}shared_expert.{tensor}.weight",
            f"{BRICK}shared/{kernel}/kernel",
            layers=with_experts,
        )
        for kernel, tensor in KERNELS.items()
    ),
    Map(LAYER + "shared_expert_gate.weight", BRICK + "shared_gate/kernel", layers=with_experts),
)
