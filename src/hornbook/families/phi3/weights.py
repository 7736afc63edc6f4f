"""How checkpoints hold the family, in Hugging Face's format and in GGUF. Projections are fused."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hornbook.checkpoints import gguf_decoder
from hornbook.checkpoints.config_map import Conversion, Field, Fixed, Inert, extend, known_keys
from hornbook.checkpoints.gguf_long_rope import LONG, LONG_ROPE, ROTARY_SHARE, SHORT
from hornbook.checkpoints.gguf_rope import SCALING
from hornbook.checkpoints.rope_config import partial_rope
from hornbook.checkpoints.weight_map import Drop, Map
from hornbook.checkpoints.weight_ops import Split
from hornbook.families import gated_decoder_maps as maps
from hornbook.families.family import GGUFFormat

_ORIGINAL, _ORIGINAL_LENGTH = "original_max_position_embeddings", 4096
_ROPE = partial_rope()


def _read_rope(raw: Mapping[str, Any]) -> Any:
    """The rotary settings, of which older files name the scaling differently."""
    for key in ("rope_parameters", "rope_scaling"):
        rope = dict(raw.get(key) or {})
        if rope:
            kind = rope.pop("rope_type", rope.pop("type", "default"))
            rope["rope_type"] = "longrope" if kind in ("su", "yarn") else kind
            if rope["rope_type"] == "longrope":
                rope[_ORIGINAL] = raw.get(_ORIGINAL, _ORIGINAL_LENGTH)
            raw = {**raw, key: rope}
    return _ROPE.conversion.read(raw)


def _original_length(config: Any) -> int:
    scaling = config.rope_scaling
    return _ORIGINAL_LENGTH if scaling is None else scaling.original_length


CONFIG = extend(
    maps.CONFIG,
    replace(_ROPE, conversion=replace(_ROPE.conversion, read=_read_rope)),
    # What the dictionary of rotary settings says, too; transformers believes this one.
    Field(_ORIGINAL, (), None, Conversion(lambda raw: (), _original_length, whole=True)),
    Field("max_position_embeddings", "max_sequence_length", 4096),
    Field("rms_norm_eps", "layer_norm_epsilon", 1e-5),
    Field("sliding_window", "sliding_window", None),
    Field("resid_pdrop", "dropout", 0.0),
    Field("eos_token_id", "end_token_id", 32000),
    Field("pad_token_id", "pad_token_id", 32000),
    Fixed("attention_bias", False, written=False),
    Fixed("mlp_bias", False, written=False),
    Fixed("lm_head_bias", False, written=False),
    Inert(("embd_pdrop", "full_attn_mod", "interpolate_factor")),
)


def _head_sizes(config: Any) -> tuple[int, ...]:
    keys = config.num_key_value_heads * config.head_dim
    return config.num_query_heads * config.head_dim, keys, keys


_QKV = tuple(f"{maps.BRICK}attention/{name}/kernel" for name in ("query", "key", "value"))
_GATE_UP = tuple(f"{maps.BRICK}feed_forward/{name}/kernel" for name in ("gate", "up"))
_SPLIT_HEADS, _HALVE = Split(_head_sizes), Split(lambda config: (config.intermediate_dim,) * 2)

WEIGHTS = (
    *maps.FRAME,
    *maps.PRE_NORMS,
    Map(maps.LAYER + "self_attn.qkv_proj.weight", _QKV, _SPLIT_HEADS),
    Map(maps.LAYER + "self_attn.o_proj.weight", maps.BRICK + "attention/output/kernel"),
    Map(maps.LAYER + "mlp.gate_up_proj.weight", _GATE_UP, _HALVE),
    Map(maps.LAYER + "mlp.down_proj.weight", maps.BRICK + "feed_forward/down/kernel"),
)

_BLOCK = "blk.{i}."
_WINDOW = Conversion(lambda value: value or None, lambda window: window or 0)

GGUF = GGUFFormat(
    architectures=("phi3",),
    config=extend(
        gguf_decoder.EVEN_HEADS,
        *LONG_ROPE,
        ROTARY_SHARE,
        Field("{arch}.attention.sliding_window", "sliding_window", 0, _WINDOW),
        Field("tokenizer.ggml.eos_token_id", "end_token_id", 32000),
        without=known_keys(SCALING),
    ),
    weights=(
        Map("token_embd.weight", "token_embedding/embeddings"),
        Map(_BLOCK + "attn_norm.weight", maps.BRICK + "attention_norm/scale"),
        Map(_BLOCK + "attn_qkv.weight", _QKV, _SPLIT_HEADS),
        Map(_BLOCK + "attn_output.weight", maps.BRICK + "attention/output/kernel"),
        Map(_BLOCK + "ffn_norm.weight", maps.BRICK + "feed_forward_norm/scale"),
        Map(_BLOCK + "ffn_up.weight", _GATE_UP, _HALVE),
        Map(_BLOCK + "ffn_down.weight", maps.BRICK + "feed_forward/down/kernel"),
        Map("output_norm.weight", "final_norm/scale"),
        Drop(SHORT, "read with the config"),
        Drop(LONG, "read with the config"),
    ),
    heads=gguf_decoder.HEADS,
)
