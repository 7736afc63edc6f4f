"""Rotary position embedding: the angles of positions, and the rotation of heads by them."""

from dataclasses import asdict
from typing import Any

import keras
import numpy as np
from keras import ops

from hornbook.layers.positions import token_positions
from hornbook.layers.rope_scaling import RopeScaling


@keras.saving.register_keras_serializable(package="hornbook")
class RotaryAngles(keras.layers.Layer):
    """Turns positions into the cosines and sines that rotate queries and keys.

    Follows Su et al., "RoFormer" (2021), in the half-split form that checkpoints use. Has no
    variables: one brick serves every layer with the same base and scaling.

    Call arguments: `positions`, int32 [batch or 1, length]; `lengths`, int32 [batch], how long each
    row's sequence is, for scalings that depend on it, by default up to its last position. Returns
    `(cos, sin)`, each [batch or 1, length, rotary_dim / 2] in the compute dtype.

    Example:
        >>> import numpy as np
        >>> cos, sin = RotaryAngles(8)(np.arange(5)[None])
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
        if rotary_dim % 2:
            raise ValueError(f"rotary_dim={rotary_dim} must be even: features turn in pairs.")
        self.rotary_dim = rotary_dim
        self.max_wavelength = max_wavelength
        self.scaling = RopeScaling(**scaling) if isinstance(scaling, dict) else scaling
        self.exponents = np.arange(0, rotary_dim, 2, dtype="float64") / rotary_dim
        frequencies = max_wavelength**-self.exponents
        if self.scaling is not None:
            frequencies = self.scaling.apply(frequencies, max_wavelength)
        self.frequencies = frequencies.astype("float32")
        if self.kind == "longrope":
            assert self.scaling is not None
            frequencies = self.scaling.apply_long(max_wavelength**-self.exponents)
            self.long_frequencies = frequencies.astype("float32")

    @property
    def kind(self) -> str | None:
        """The kind of scaling, if there is one."""
        return None if self.scaling is None else self.scaling.kind

    @property
    def reads_lengths(self) -> bool:
        """Whether the rotation of a token depends on how long its sequence is."""
        return self.kind in ("dynamic", "longrope")

    @property
    def restart_length(self) -> int | None:
        """The length of sequences beyond which all of their tokens turn otherwise, or None."""
        if self.scaling is None or self.scaling.kind != "longrope":
            return None
        return self.scaling.original_length

    def call(self, positions: Any, lengths: Any = None) -> tuple[Any, Any]:
        frequencies: Any = self.frequencies
        if self.scaling is not None and self.reads_lengths:
            if lengths is None:
                lengths = ops.max(positions, axis=-1) + 1
            if self.kind == "dynamic":
                frequencies = ops.multiply(self._slowing(lengths, self.scaling), frequencies)
            else:
                is_long = (lengths > self.scaling.original_length)[:, None, None]
                frequencies = ops.where(is_long, self.long_frequencies, frequencies)
        angles = ops.multiply(ops.cast(positions, "float32")[..., None], frequencies)
        cos, sin = ops.cos(angles), ops.sin(angles)
        if self.scaling is not None and self.scaling.amplitude != 1.0:
            cos, sin = cos * self.scaling.amplitude, sin * self.scaling.amplitude
        return ops.cast(cos, self.compute_dtype), ops.cast(sin, self.compute_dtype)

    def _slowing(self, lengths: Any, scaling: RopeScaling) -> Any:
        """What each row's base grows by, to the power of the exponents: [batch, 1, dim / 2]."""
        length = ops.maximum(ops.cast(lengths, "float32"), float(scaling.original_length))
        growth = scaling.times * length / scaling.original_length - (scaling.times - 1.0)
        powers = self.exponents * self.rotary_dim / (self.rotary_dim - 2)
        return ops.power(growth[:, None, None], ops.convert_to_tensor(-powers, dtype="float32"))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rotary_dim": self.rotary_dim,
            "max_wavelength": self.max_wavelength,
            "scaling": None if self.scaling is None else asdict(self.scaling),
        }


def rotate(inputs: Any, rope: tuple[Any, Any]) -> Any:
    """Rotates `inputs` [batch, length, heads, head_dim] by `rope` as `RotaryAngles` gives it.

    Features beyond the rotary dimension pass through unchanged.
    """
    cos, sin = (ops.expand_dims(part, -2) for part in rope)
    half = cos.shape[-1]
    if keras.backend.backend() == "torch" and inputs.shape[-1] == 2 * half:
        return _torch_rotate(inputs, cos, sin)
    first, second, rest = inputs[..., :half], inputs[..., half : 2 * half], inputs[..., 2 * half :]
    rotated = [first * cos - second * sin, second * cos + first * sin]
    return ops.concatenate([*rotated, rest] if rest.shape[-1] else rotated, axis=-1)


def _torch_rotate(inputs: Any, cos: Any, sin: Any) -> Any:
    """The same in fewer calls, of which the first two are the same in all layers."""
    import torch

    cosines, sines = torch.cat((cos, cos), -1), torch.cat((torch.neg(sin), sin), -1)
    return inputs * cosines + torch.roll(inputs, cos.shape[-1], -1) * sines


@keras.saving.register_keras_serializable(package="hornbook")
class RotaryEmbedding(keras.layers.Layer):
    """Rotates features by the positions along the sequence; follows `keras_nlp`'s layer.

    Call arguments: `inputs`, of any rank; `start_index`, the position of the first token;
    `positions`, int [length] or [batch, length], instead of counting. Returns the inputs' shape.

    Args:
        max_wavelength: the base of the frequencies.
        scaling_factor: positions are divided by it; "linear" scaling in short.
        sequence_axis: the axis of positions.
        feature_axis: the axis that is rotated; its length is even.
        scaling: any other stretching of the frequencies.

    Example:
        >>> import numpy as np
        >>> RotaryEmbedding()(np.ones((2, 3, 4, 8), "float32")).shape
        (2, 3, 4, 8)
    """

    def __init__(
        self,
        max_wavelength: float = 10000.0,
        scaling_factor: float = 1.0,
        sequence_axis: int = 1,
        feature_axis: int = -1,
        *,
        scaling: RopeScaling | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        if scaling is None and scaling_factor != 1.0:
            scaling = RopeScaling("linear", scaling_factor)
        self.max_wavelength = max_wavelength
        self.scaling_factor = scaling_factor
        self.sequence_axis = sequence_axis
        self.feature_axis = feature_axis
        self.scaling = RopeScaling(**scaling) if isinstance(scaling, dict) else scaling

    def build(self, input_shape: tuple[Any, ...]) -> None:
        self.angles = RotaryAngles(
            input_shape[self.feature_axis], self.max_wavelength, self.scaling,
            dtype=self.dtype_policy,
        )  # fmt: skip

    def call(self, inputs: Any, start_index: Any = 0, positions: Any = None) -> Any:
        x = ops.moveaxis(inputs, (self.sequence_axis, self.feature_axis), (1, -1))
        shape = ops.shape(x)
        if positions is None:
            positions = token_positions(shape[1], start_index)
        positions = ops.cast(positions, "int32")
        if len(positions.shape) == 1:
            positions = positions[None]
        x = rotate(ops.reshape(x, (shape[0], shape[1], -1, shape[-1])), self.angles(positions))
        return ops.moveaxis(ops.reshape(x, shape), (1, -1), (self.sequence_axis, self.feature_axis))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "max_wavelength": self.max_wavelength,
            "scaling_factor": self.scaling_factor,
            "sequence_axis": self.sequence_axis,
            "feature_axis": self.feature_axis,
            "scaling": None if self.scaling is None else asdict(self.scaling),
        }
