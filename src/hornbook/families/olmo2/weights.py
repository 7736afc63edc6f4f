"""How checkpoints hold the family: config and weights."""

from hornbook.checkpoints.config_map import Field, extend
from hornbook.checkpoints.weight_map import Map
from hornbook.families import gated_decoder_maps as maps
from hornbook.families.gated_decoder_maps import BRICK, LAYER

CONFIG = extend(
    maps.CONFIG,
    maps.ATTENTION_BIAS,
    Field("rms_norm_eps", "layer_norm_epsilon", 1e-5),
    Field("bos_token_id", "start_token_id", None),
    Field("eos_token_id", "end_token_id", 50279),
    Field("pad_token_id", "pad_token_id", 1),
)

WEIGHTS = (
    *maps.FRAME,
    *maps.attention(maps.attention_bias),
    *maps.HEAD_NORMS,
    Map(LAYER + "post_attention_layernorm.weight", BRICK + "attention_output_norm/scale"),
    *maps.feed_forward(),
    Map(LAYER + "post_feedforward_layernorm.weight", BRICK + "feed_forward_output_norm/scale"),
)
