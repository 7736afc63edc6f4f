"""How llama.cpp's files hold two sets of rotary factors, and heads that are rotated in part."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from hornbook.checkpoints.config_map import Conversion, Field, Inert
from hornbook.layers.rope_scaling import RopeScaling

SHORT, LONG = "rope_factors_short.weight", "rope_factors_long.weight"
"""The tensors with what each frequency is divided by, in short sequences and in longer ones."""

_LENGTH = "{arch}.rope.scaling.original_context_length"
_DIMENSIONS = "{arch}.rope.dimension_count"


def _read(raw: Mapping[str, Any]) -> RopeScaling | None:
    if raw.get(SHORT) is None or raw.get(LONG) is None:
        return None
    short, long = (tuple(np.asarray(raw[name]).tolist()) for name in (SHORT, LONG))
    # What attention is sharpened by is computed from the lengths, as the files' converter does.
    length = raw.get(_LENGTH, raw["{arch}.context_length"])
    return RopeScaling("longrope", original_length=length, short_factors=short, long_factors=long)


def _write_factors(attribute: str, config: Any) -> np.ndarray | None:
    scaling = config.rope_scaling
    return None if scaling is None else np.array(getattr(scaling, attribute), "float32")


def _write_length(config: Any) -> int:
    scaling = config.rope_scaling
    return config.max_sequence_length if scaling is None else scaling.original_length


def _nothing(raw: Mapping[str, Any]) -> tuple[()]:
    return ()


def _head_width(raw: Mapping[str, Any]) -> int:
    return raw["{arch}.embedding_length"] // raw["{arch}.attention.head_count"]


def _read_share(raw: Mapping[str, Any]) -> float:
    return raw.get(_DIMENSIONS, _head_width(raw)) / _head_width(raw)


def _write_share(config: Any) -> int:
    return int(config.head_dim * config.partial_rotary_factor)


def _field(key: str, attribute: str | tuple[()], read: Any, write: Any) -> Field:
    return Field(key, attribute, None, Conversion(read, write, whole=True))


LONG_ROPE = (
    _field(SHORT, "rope_scaling", _read, partial(_write_factors, "short_factors")),
    _field(LONG, (), _nothing, partial(_write_factors, "long_factors")),
    _field(_LENGTH, (), _nothing, _write_length),
    Inert(("{arch}.rope.scaling.attn_factor",)),
)
"""The rows of the config map that say how frequencies are stretched."""

ROTARY_SHARE = _field(_DIMENSIONS, "partial_rotary_factor", _read_share, _write_share)
"""The row that says which share of each head is rotated."""
