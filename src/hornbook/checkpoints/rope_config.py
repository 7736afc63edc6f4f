"""Rotary settings in `config.json`: one dictionary today, two keys in files of earlier years."""

from collections.abc import Mapping
from typing import Any

from hornbook.checkpoints.config_map import Conversion, Field
from hornbook.errors import ConfigError
from hornbook.layers.rope_scaling import RopeScaling

DEFAULT_WAVELENGTH = 10000.0

# For each rope type: its keys in the file and the attributes of RopeScaling that they are.
SCALINGS: dict[str, dict[str, str]] = {
    "default": {},
    "linear": {"factor": "factor"},
    "llama3": {
        "factor": "factor",
        "low_freq_factor": "low_freq_factor",
        "high_freq_factor": "high_freq_factor",
        "original_max_position_embeddings": "original_length",
    },
}


def read_rope(raw: Mapping[str, Any]) -> tuple[float, RopeScaling | None]:
    """The base wavelength and the scaling, from either form of a parsed `config.json`.

    Raises:
        ConfigError: when the kind of scaling is not supported, or its keys are others.
    """
    parameters = dict(raw.get("rope_parameters") or raw.get("rope_scaling") or {})
    old_kind = parameters.pop("type", "default")
    kind = parameters.pop("rope_type", old_kind)
    wavelength = float(parameters.pop("rope_theta", raw.get("rope_theta", DEFAULT_WAVELENGTH)))
    if kind not in SCALINGS:
        raise ConfigError(
            f"The rope type '{kind}' is not supported; the supported ones are "
            f"{', '.join(SCALINGS)}."
        )
    names = SCALINGS[kind]
    if set(parameters) != set(names):
        raise ConfigError(
            f"The rope type '{kind}' takes the keys {sorted(names)}; the config has "
            f"{sorted(parameters)}."
        )
    if kind == "default":
        return wavelength, None
    return wavelength, RopeScaling(kind, **{names[key]: parameters[key] for key in names})


def write_rope(rope: tuple[float, RopeScaling | None]) -> dict[str, Any]:
    """The dictionary `rope_parameters` as files of today hold it."""
    wavelength, scaling = rope
    kind = "default" if scaling is None else scaling.kind
    attributes = {key: getattr(scaling, name) for key, name in SCALINGS[kind].items()}
    return {"rope_theta": wavelength, "rope_type": kind, **attributes}


ROPE = Field(
    "rope_parameters",
    ("rope_max_wavelength", "rope_scaling"),
    conversion=Conversion(read_rope, write_rope),
    old_keys=("rope_theta", "rope_scaling"),
)
