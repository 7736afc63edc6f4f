"""How checkpoints hold the family: config and weights, in Hugging Face's format and in GGUF."""

from collections.abc import Mapping
from typing import Any

from hornbook.checkpoints import gguf_decoder
from hornbook.checkpoints.config_map import Field, Fixed, Inert, extend
from hornbook.checkpoints.layer_pattern import rope_of_each_kind
from hornbook.families import gated_decoder_maps as maps
from hornbook.families.family import GGUFFormat
from hornbook.families.gemma.weights import RAISED
from hornbook.families.gemma2 import weights as gemma2
from hornbook.families.layer_types import FULL, SLIDING, layer_types

_OLD_KEYS = {FULL: "rope_theta", SLIDING: "rope_local_base_freq"}


def every_sixth_is_full(raw: Mapping[str, Any]) -> list[str]:
    """The types of the layers in a file that doesn't list them."""
    period = raw.get("sliding_window_pattern", 6)
    return [SLIDING if (i + 1) % period else FULL for i in range(raw["num_hidden_layers"])]


CONFIG = extend(
    gemma2.CONFIG,
    Field("max_position_embeddings", "max_sequence_length", 131072),
    Field(
        "rope_parameters",
        ("rope_max_wavelength", "rope_scaling", "local_rope_max_wavelength"),
        conversion=rope_of_each_kind({FULL: 1e6, SLIDING: 1e4}, _OLD_KEYS, scaled=(FULL,)),
        old_keys=(*_OLD_KEYS.values(), "rope_scaling"),
    ),
    Field("final_logit_softcapping", "final_logit_softcap", None),
    layer_types(every_sixth_is_full),
    Fixed("attn_logit_softcapping", None),
    Fixed("use_bidirectional_attention", False),
    Inert(("sliding_window_pattern", "_sliding_window_pattern")),
)

WEIGHTS = (*gemma2.WEIGHTS, *maps.HEAD_NORMS)

GGUF = GGUFFormat(
    architectures=("gemma3",),
    config=extend(
        gemma2.GGUF.config,
        Field("{arch}.rope.freq_base_swa", "local_rope_max_wavelength", 10000.0),
        Field("{arch}.final_logit_softcapping", "final_logit_softcap", None),
        gemma2.scalar_field(layers_of_largest=62),
        Fixed("{arch}.attention.sliding_window_pattern", 6, written=False),
        without=("{arch}.attn_logit_softcapping",),
    ),
    weights=(*gemma2.GGUF.weights, *gguf_decoder.head_norms(RAISED)),
    heads=gguf_decoder.HEADS,
)
