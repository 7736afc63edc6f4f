"""Rotary position embedding: frequencies, their scalings, and the rotation."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
from keras import ops


@dataclass(frozen=True)
class RopeScaling:
    """How rotary frequencies are stretched to reach longer contexts.

    Attributes:
        kind: "linear" (divide every frequency by `factor`) or "llama3" (divide the low
            frequencies only, with a smooth border).
        factor: how many times longer the context becomes.
        low_freq_factor: "llama3": wavelengths above `original_length / low_freq_factor` stretch.
        high_freq_factor: "llama3": wavelengths below `original_length / high_freq_factor` stay.
        original_length: "llama3": the context length of pretraining, in tokens.
    """

    kind: str
    factor: float
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_length: int = 8192

    def apply(self, frequencies: np.ndarray) -> np.ndarray:
        """Scales `frequencies` [head_dim / 2], in radians a position."""
        if self.kind == "linear":
            return frequencies / self.factor
        wavelengths = 2 * math.pi / frequencies
        span = self.high_freq_factor - self.low_freq_factor
        keep = (self.original_length / wavelengths - self.low_freq_factor) / span
        keep = np.clip(keep, 0.0, 1.0)
        return keep * frequencies + (1 - keep) * frequencies / self.factor


@keras.saving.register_keras_serializable(package="hornbook")
class RotaryEmbedding(keras.layers.Layer):
    """Turns positions into the cosines and sines that rotate queries and keys.

    Follows Su et al., "RoFormer" (2021), in the half-split form that checkpoints use. Has no
    variables: one brick serves every layer with the same base and scaling.

    Call arguments: `positions`, int32 [batch or 1, length]. Returns `(cos, sin)`, each
    [batch or 1, length, rotary_dim / 2] in the compute dtype.

    Example:
        >>> import numpy as np
        >>> cos, sin = RotaryEmbedding(8)(np.arange(5)[None])
        >>> cos.shape
        (1, 5, 4)
    """

    def __init__(
        self,
        rotary_dim: int,
        max_wavelength: float = 10000.0,
        scaling: RopeScaling | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rotary_dim = rotary_dim
        self.max_wavelength = max_wavelength
        self.scaling = RopeScaling(**scaling) if isinstance(scaling, dict) else scaling
        exponents = np.arange(0, rotary_dim, 2, dtype="float64") / rotary_dim
        frequencies = max_wavelength**-exponents
        if self.scaling is not None:
            frequencies = self.scaling.apply(frequencies)
        self.frequencies = frequencies.astype("float32")

    def call(self, positions: Any) -> tuple[Any, Any]:
        angles = ops.multiply(ops.cast(positions, "float32")[..., None], self.frequencies)
        return (
            ops.cast(ops.cos(angles), self.compute_dtype),
            ops.cast(ops.sin(angles), self.compute_dtype),
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rotary_dim": self.rotary_dim,
            "max_wavelength": self.max_wavelength,
            "scaling": None if self.scaling is None else asdict(self.scaling),
        }


def rotate(inputs: Any, rope: tuple[Any, Any]) -> Any:
    """Rotates `inputs` [batch, length, heads, head_dim] by `rope` as `RotaryEmbedding` gives it.

    Features beyond the rotary dimension pass through unchanged.
    """
    cos, sin = (ops.expand_dims(part, -2) for part in rope)
    half = cos.shape[-1]
    first, second, rest = inputs[..., :half], inputs[..., half : 2 * half], inputs[..., 2 * half :]
    rotated = [first * cos - second * sin, second * cos + first * sin]
    return ops.concatenate([*rotated, rest] if rest.shape[-1] else rotated, axis=-1)
