"""Rotary settings in `config.json`: one dictionary today, two keys in files of earlier years."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from hornbook.checkpoints.config_map import Conversion, Field
from hornbook.errors import ConfigError
from hornbook.layers.rope_scaling import RopeScaling

DEFAULT_WAVELENGTH = 10000.0

_ORIGINAL = {"original_max_position_embeddings": "original_length"}

# For each rope type: its keys in the file and the attributes of RopeScaling that they are.
SCALINGS: dict[str, dict[str, str]] = {
    "default": {},
    "linear": {"factor": "factor"},
    "dynamic": {"factor": "factor"},
    "llama3": {
        "factor": "factor",
        "low_freq_factor": "low_freq_factor",
        "high_freq_factor": "high_freq_factor",
        **_ORIGINAL,
    },
    "yarn": {"factor": "factor", **_ORIGINAL},
    "longrope": {"short_factor": "short_factors", "long_factor": "long_factors", **_ORIGINAL},
}
# Keys that may be absent, and are not written while they have the attribute's default.
OPTIONAL: dict[str, tuple[str, ...]] = {
    "yarn": (
        "attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate",
    ),
    "longrope": ("attention_factor", "factor"),
}  # fmt: skip
_DEFAULTS = {field.name: field.default for field in fields(RopeScaling)}


def read_rope(raw: Mapping[str, Any]) -> tuple[float, RopeScaling | None]:
    """The base wavelength and the scaling, from either form of a parsed `config.json`.

    Raises:
        ConfigError: when the kind of scaling is not supported, or its keys are others.
    """
    return _read(rope_dictionary(raw), raw)


def rope_dictionary(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What a parsed `config.json` has, under today's key or that of earlier years."""
    return dict(raw.get("rope_parameters") or raw.get("rope_scaling") or {})


def _read(parameters: dict[str, Any], raw: Mapping[str, Any]) -> tuple[float, RopeScaling | None]:
    old_kind = parameters.pop("type", "default")
    kind = parameters.pop("rope_type", old_kind)
    wavelength = float(parameters.pop("rope_theta", raw.get("rope_theta", DEFAULT_WAVELENGTH)))
    if kind not in SCALINGS:
        raise ConfigError(
            f"The rope type '{kind}' is not supported; the supported ones are "
            f"{', '.join(SCALINGS)}."
        )
    names, optional = SCALINGS[kind], OPTIONAL.get(kind, ())
    longest = raw.get("max_position_embeddings")
    if kind in ("yarn", "longrope") and longest is not None:
        parameters.setdefault("original_max_position_embeddings", longest)
    if set(parameters).difference(optional) != set(names):
        raise ConfigError(
            f"The rope type '{kind}' takes the keys {sorted(names)}; the config has "
            f"{sorted(parameters)}."
        )
    if kind == "default":
        return wavelength, None
    values: dict[str, Any] = {
        names.get(str(key), str(key)): value
        for key, value in parameters.items()
        if value is not None
    }
    if kind == "dynamic" and longest is not None:
        values["original_length"] = longest  # which such a file holds nowhere else
    return wavelength, RopeScaling(kind, **values)


def write_rope(rope: tuple[float, RopeScaling | None]) -> dict[str, Any]:
    """The dictionary `rope_parameters` as files of today hold it."""
    wavelength, scaling = rope
    kind = "default" if scaling is None else scaling.kind
    attributes = {key: _plain(getattr(scaling, name)) for key, name in SCALINGS[kind].items()}
    for name in OPTIONAL.get(kind, ()):
        if getattr(scaling, name) != _DEFAULTS[name]:
            attributes[name] = getattr(scaling, name)
    return {"rope_theta": wavelength, "rope_type": kind, **attributes}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def rope(wavelength: float = DEFAULT_WAVELENGTH) -> Field:
    """The row of the rotary settings; files without a base have that of `wavelength`."""

    def read(raw: Mapping[str, Any]) -> tuple[float, RopeScaling | None]:
        return read_rope({"rope_theta": wavelength, **raw})

    return Field(
        "rope_parameters",
        ("rope_max_wavelength", "rope_scaling"),
        conversion=Conversion(read, write_rope),
        old_keys=("rope_theta", "rope_scaling"),
    )


ROPE = rope()


def partial_rope(
    share: float = 1.0,
    *,
    share_key: str = "partial_rotary_factor",
    wavelength_key: str = "rope_theta",
) -> Field:
    """The field of a family that may rotate the first features of each head alone.

    Args:
        share: of the features, where the file doesn't say.
        share_key: where files of earlier years say it.
        wavelength_key: where they have the base wavelength.
    """
    name = "partial_rotary_factor"

    def read(raw: Mapping[str, Any]) -> tuple[float, RopeScaling | None, float]:
        parameters = rope_dictionary(raw)
        rotated = parameters.pop(name, raw.get(share_key, share))
        if wavelength_key in raw:
            parameters.setdefault("rope_theta", raw[wavelength_key])
        return *_read(parameters, raw), rotated

    def write(rope: tuple[float, RopeScaling | None, float]) -> dict[str, Any]:
        return {**write_rope(rope[:2]), name: rope[2]}

    return Field(
        "rope_parameters",
        ("rope_max_wavelength", "rope_scaling", name),
        conversion=Conversion(read, write),
        old_keys=tuple(dict.fromkeys(("rope_theta", wavelength_key, "rope_scaling", share_key))),
    )
