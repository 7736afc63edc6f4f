"""Where tokens stand: their numbers, and the fixed patterns that mark them."""

from typing import Any

import keras
import ml_dtypes
import numpy as np
from keras import ops

from hornbook.layers.rounding import rounded_to_bfloat16


def token_positions(length: Any, start_index: Any = 0) -> Any:
    """Numbers `length` tokens from `start_index`: int32 [1, length]."""
    return ops.arange(length, dtype="int32")[None] + ops.cast(start_index, "int32")


@keras.saving.register_keras_serializable(package="hornbook")
class SinePositionEncoding(keras.layers.Layer):
    """Marks positions with sines and cosines of geometric wavelengths, in turns.

    Follows Vaswani et al., "Attention Is All You Need" (2017). Has no variables.

    Call arguments: `inputs` [batch, length, features], used for their shape; `start_index`, the
    position of the first token. Returns the inputs' shape.

    Args:
        max_wavelength: of the slowest features.

    Example:
        >>> import numpy as np
        >>> SinePositionEncoding()(np.ones((2, 3, 5), "float32"))[0, 0].tolist()
        [0.0, 1.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, max_wavelength: float = 10000.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.max_wavelength = max_wavelength

    def call(self, inputs: Any, start_index: Any = 0) -> Any:
        batch, length, features = ops.shape(inputs)
        pairs = np.arange(features) // 2 * 2
        frequencies = (self.max_wavelength ** (-pairs / features)).astype("float32")
        positions = ops.cast(token_positions(length, start_index), "float32")
        angles = ops.multiply(positions[..., None], frequencies)
        encoding = ops.where(np.arange(features) % 2 == 0, ops.sin(angles), ops.cos(angles))
        encoding = ops.cast(encoding, self.compute_dtype)
        return ops.broadcast_to(encoding, (batch, length, features))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_wavelength": self.max_wavelength}


@keras.saving.register_keras_serializable(package="hornbook")
class AlibiBias(keras.layers.Layer):
    """Lowers attention scores in proportion to distance, with another slope for each head.

    Follows Press et al., "Train Short, Test Long" (2021). Has no variables.

    Call arguments: `attention_scores` [batch, heads, queries, keys], of which the last query
    stands where the last key does. Returns the scores with the bias added.

    Args:
        alibi_bias_max: the steepest slope is `2 ** (-alibi_bias_max / heads)`.

    Example:
        >>> import numpy as np
        >>> AlibiBias()(np.zeros((1, 2, 1, 3), "float32"))[0, 0].tolist()
        [[-0.125, -0.0625, 0.0]]
    """

    def __init__(self, alibi_bias_max: float = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alibi_bias_max = alibi_bias_max

    def call(self, attention_scores: Any) -> Any:
        _, heads, _, keys = ops.shape(attention_scores)
        slopes = alibi_slopes(heads, self.alibi_bias_max).astype("float32")
        distances = ops.cast(ops.arange(keys), "float32") - ops.cast(keys - 1, "float32")
        bias = ops.multiply(distances, slopes[:, None, None])
        return attention_scores + ops.cast(bias, attention_scores.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alibi_bias_max": self.alibi_bias_max}


@keras.saving.register_keras_serializable(package="hornbook")
class AlibiKeys(keras.layers.Layer):
    """What `AlibiBias` adds to the scores of each key, up to a constant that no softmax sees.

    Follows Press et al., "Train Short, Test Long" (2021). Has no variables.

    Call arguments: `positions`, int32 [batch or 1, keys]. Returns float32 [batch or 1, num_heads,
    1, keys], an `attention_bias`.

    Args:
        num_heads: query heads.
        scale: what the biases are multiplied by.
        rounded: whether slopes, positions and their products are rounded to bfloat16, whatever the
            compute dtype, as they were when a model was trained.

    Example:
        >>> import numpy as np
        >>> AlibiKeys(2)(np.arange(3)[None])[0, :, 0].tolist()
        [[0.0, 0.0625, 0.125], [0.0, 0.00390625, 0.0078125]]
    """

    def __init__(
        self, num_heads: int, scale: float = 1.0, rounded: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.scale = scale
        self.rounded = rounded

    def call(self, positions: Any) -> Any:
        slopes = alibi_slopes(self.num_heads)[:, None, None]
        positions = ops.cast(positions, "float32")[:, None, None]
        if not self.rounded:
            return ops.multiply(positions, (slopes * self.scale).astype("float32"))
        slopes = slopes.astype(ml_dtypes.bfloat16).astype("float32")
        products = rounded_to_bfloat16(ops.multiply(rounded_to_bfloat16(positions), slopes))
        return products * self.scale

    def get_config(self) -> dict[str, Any]:
        own = {"num_heads": self.num_heads, "scale": self.scale, "rounded": self.rounded}
        return {**super().get_config(), **own}


def alibi_slopes(heads: int, alibi_bias_max: float = 8) -> np.ndarray:
    """The slope of each head [heads].

    For a number of heads that is no power of two, the slopes of the next smaller power are filled
    up with every other one of twice that many, as Press et al. do.
    """

    def powers(number: int) -> np.ndarray:
        return 2.0 ** (-alibi_bias_max / number * np.arange(1, number + 1))

    whole = 1 << (heads.bit_length() - 1)
    return np.concatenate([powers(whole), powers(2 * whole)[::2][: heads - whole]])
