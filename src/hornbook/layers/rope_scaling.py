"""How rotary frequencies are stretched, so that a model reads further than it was trained to."""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

KINDS = ("linear", "dynamic", "llama3", "yarn", "longrope")


@dataclass(frozen=True)
class RopeScaling:
    """A stretching of rotary frequencies.

    Attributes:
        kind: "linear" (every frequency divided by `factor`; Chen et al., 2023), "dynamic" (a
            larger base, once a sequence is longer than `original_length`), "llama3" (the low
            frequencies divided, with a smooth border), "yarn" (the same with a linear border
            between numbers of rotations, and attention sharpened; Peng et al., 2023) or "longrope"
            (each frequency divided by a factor of its own, another one once a sequence is longer
            than `original_length`, and attention sharpened; Ding et al., 2024).
        factor: how many times longer the context becomes; None for what `for_length` makes of it.
        low_freq_factor: "llama3": wavelengths above `original_length / low_freq_factor` stretch.
        high_freq_factor: "llama3": wavelengths below `original_length / high_freq_factor` stay.
        original_length: the context length of pretraining, in tokens; "linear" ignores it.
        beta_fast: "yarn": frequencies with more rotations than that in the original length stay.
        beta_slow: "yarn": frequencies with fewer rotations than that are divided by `factor`.
        truncate: "yarn": round the border to whole frequencies.
        attention_factor: "yarn" and "longrope": what queries and keys are multiplied by; None
            computes it.
        mscale: "yarn": with `mscale_all_dim`, another way to compute that.
        mscale_all_dim: see `mscale`.
        short_factors: "longrope": of each frequency, up to the original length.
        long_factors: "longrope": of each frequency, in longer sequences.

    Raises:
        ValueError: when the kind is none of these, or a factor is missing.
    """

    kind: str
    factor: float | None = None
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_length: int = 8192
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True
    attention_factor: float | None = None
    mscale: float | None = None
    mscale_all_dim: float | None = None
    short_factors: tuple[float, ...] = ()
    long_factors: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Rope scaling is {self.kind!r}; expected one of {', '.join(KINDS)}.")
        if self.factor is None and self.kind != "longrope":
            raise ValueError(f"Rope scaling of the kind '{self.kind}' needs a factor.")
        for name in ("short_factors", "long_factors"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def times(self) -> float:
        """The factor, where there has to be one."""
        if self.factor is None:
            raise ValueError(f"Rope scaling of the kind '{self.kind}' has no factor yet.")
        return self.factor

    def for_length(self, longest: int) -> Self:
        """The scaling of a model whose longest sequences have so many tokens."""
        if self.factor is not None:
            return self
        return replace(self, factor=longest / self.original_length)

    def apply(self, frequencies: np.ndarray, base: float) -> np.ndarray:
        """Scales `frequencies` [rotary_dim / 2], in radians a position, of a base wavelength.

        Those of "dynamic" stay: they depend on the length of the sequence. Those of "longrope" are
        the ones for short sequences; `apply_long` gives the others.
        """
        if self.kind == "linear":
            return frequencies / self.times
        if self.kind == "dynamic":
            return frequencies
        if self.kind == "longrope":
            return self._divided(frequencies, self.short_factors)
        keep = self._kept_by_wavelength(frequencies)
        if self.kind == "yarn":
            keep = self._kept_by_rotations(len(frequencies), base)
        return keep * frequencies + (1 - keep) * frequencies / self.times

    def apply_long(self, frequencies: np.ndarray) -> np.ndarray:
        """Scales `frequencies` as "longrope" does in sequences beyond the original length."""
        return self._divided(frequencies, self.long_factors)

    @property
    def amplitude(self) -> float:
        """What cosines and sines are multiplied by: 1, but for "yarn" and "longrope"."""
        if self.kind not in ("yarn", "longrope"):
            return 1.0
        if self.attention_factor is not None:
            return self.attention_factor
        if self.kind == "longrope":
            growth = math.log(max(self.times, 1.0))
            return math.sqrt(1 + growth / math.log(self.original_length)) if growth else 1.0
        if self.mscale and self.mscale_all_dim:
            return self._sharpness(self.mscale) / self._sharpness(self.mscale_all_dim)
        return self._sharpness(1.0)

    def _sharpness(self, mscale: float) -> float:
        return 1.0 if self.times <= 1 else 0.1 * mscale * math.log(self.times) + 1.0

    def _divided(self, frequencies: np.ndarray, factors: tuple[float, ...]) -> np.ndarray:
        if len(factors) != len(frequencies):
            raise ValueError(
                f"Rope scaling has {len(factors)} factors for {len(frequencies)} frequencies."
            )
        return frequencies / np.array(factors)

    def _kept_by_wavelength(self, frequencies: np.ndarray) -> np.ndarray:
        wavelengths = 2 * math.pi / frequencies
        span = self.high_freq_factor - self.low_freq_factor
        return np.clip((self.original_length / wavelengths - self.low_freq_factor) / span, 0.0, 1.0)

    def _kept_by_rotations(self, number: int, base: float) -> np.ndarray:
        def index(rotations: float) -> float:
            """The frequency, as a fractional index, that turns so often in the original length."""
            turns = self.original_length / (rotations * 2 * math.pi)
            return number * math.log(turns) / math.log(base)

        low, high = index(self.beta_fast), index(self.beta_slow)
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, 2 * number - 1)
        width = high - low or 0.001  # a border of no width would divide by zero
        return 1 - np.clip((np.arange(number) - low) / width, 0.0, 1.0)
