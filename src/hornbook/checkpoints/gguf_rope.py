"""How llama.cpp's files say that rotary frequencies are stretched: by a kind, or one by one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hornbook.checkpoints.config_map import Conversion, Field, Inert
from hornbook.errors import ConfigError
from hornbook.layers.rope_scaling import RopeScaling

FACTORS = "rope_freqs.weight"
"""The tensor with what each frequency is divided by."""

_KEY = "{arch}.rope.scaling."
_SMOOTH: dict[str, Any] = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_length": 8192}
"""What all models with a smooth border between frequencies have, and the files don't say."""


def read_scaling(raw: Mapping[str, Any]) -> RopeScaling | None:
    """The scaling, from the file's metadata and the tensor `FACTORS`.

    Raises:
        ConfigError: when the kind is not supported, or a number is missing.
    """
    kind = raw.get(_KEY + "type", "none")
    if raw.get(FACTORS) is not None:
        if kind != "none":
            raise ConfigError(f"Frequencies are scaled by '{FACTORS}' and by '{kind}' at once.")
        return _from_factors(np.asarray(raw[FACTORS], "float64"), _wavelength(raw))
    try:
        if kind == "none":
            return None
        if kind == "linear":
            return RopeScaling(kind, raw[_KEY + "factor"])
        if kind == "yarn":
            length = raw[_KEY + "original_context_length"]
            return RopeScaling(kind, raw[_KEY + "factor"], original_length=length)
    except KeyError as error:
        raise ConfigError(f"The rope type '{kind}' needs the key {error}.") from error
    raise ConfigError(
        f"The rope type '{kind}' is not supported; the supported ones are none, linear, yarn."
    )


def _wavelength(raw: Mapping[str, Any]) -> float:
    return raw.get("{arch}.rope.freq_base", 10000.0)


def _frequencies(number: int, wavelength: float) -> np.ndarray:
    return wavelength ** -(np.arange(number) / number)


def _from_factors(factors: np.ndarray, wavelength: float) -> RopeScaling:
    frequencies = _frequencies(len(factors), wavelength)
    smooth = RopeScaling("llama3", float(factors.max()), **_SMOOTH)
    if np.allclose(smooth.apply(frequencies, wavelength), frequencies / factors, rtol=1e-5):
        return smooth
    own = tuple(factors.tolist())
    return RopeScaling("longrope", attention_factor=1.0, short_factors=own, long_factors=own)


def _write_kind(config: Any) -> str:
    scaling = config.rope_scaling
    return scaling.kind if scaling is not None and scaling.kind in ("linear", "yarn") else "none"


def _write_factor(config: Any) -> float | None:
    return None if _write_kind(config) == "none" else float(config.rope_scaling.factor)


def _write_length(config: Any) -> int | None:
    return config.rope_scaling.original_length if _write_kind(config) == "yarn" else None


def _write_factors(config: Any) -> np.ndarray | None:
    if config.rope_scaling is None or config.rope_scaling.kind != "llama3":
        return None
    frequencies = _frequencies(config.head_dim // 2, config.rope_max_wavelength)
    scaled = config.rope_scaling.apply(frequencies, config.rope_max_wavelength)
    return (frequencies / scaled).astype("float32")


def _nothing(raw: Mapping[str, Any]) -> tuple[()]:
    return ()


SCALING = (
    Field(_KEY + "type", "rope_scaling", None, Conversion(read_scaling, _write_kind, whole=True)),
    Field(_KEY + "factor", (), None, Conversion(_nothing, _write_factor, whole=True)),
    Field(
        _KEY + "original_context_length",
        (),
        None,
        Conversion(_nothing, _write_length, whole=True),
    ),
    Field(FACTORS, (), None, Conversion(_nothing, _write_factors, whole=True)),
    Inert((_KEY + "finetuned",)),
)
"""The rows of the config map."""
