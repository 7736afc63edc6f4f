"""How checkpoints hold the family."""

from hornbook.checkpoints.config_map import Field, Fixed, extend
from hornbook.checkpoints.rope_config import rope
from hornbook.checkpoints.weight_map import Map
from hornbook.checkpoints.weight_ops import Stack
from hornbook.families import expert_layers, mistral
from hornbook.families import gated_decoder_maps as maps

CONFIG = extend(
    mistral.FAMILY.config,
    *expert_layers.CONFIG,
    rope(1000000.0),
    Field("rms_norm_eps", "layer_norm_epsilon", 1e-5),
    Field("sliding_window", "sliding_window", None),
    Field("num_local_experts", "num_experts", 8),
    Fixed("router_jitter_noise", 0.0),
)

_LAYER, _BRICK = maps.LAYER + "block_sparse_moe.", maps.BRICK + "feed_forward/"

WEIGHTS = (
    *maps.FRAME,
    *maps.PRE_NORMS,
    *maps.attention(),
    Map(_LAYER + "gate.weight", _BRICK + "router/kernel"),
    Map(_LAYER + "experts.{e}.w1.weight", _BRICK + "experts/gate", Stack()),
    Map(_LAYER + "experts.{e}.w3.weight", _BRICK + "experts/up", Stack()),
    Map(_LAYER + "experts.{e}.w2.weight", _BRICK + "experts/down", Stack()),
)
