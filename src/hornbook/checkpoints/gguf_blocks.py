"""GGUF's tensor types: how each stores its values, and how quantized blocks become float32.

A quantized tensor is a sequence of blocks, each with its own scale. The layouts follow
`ggml-common.h` and the arithmetic `ggml-quants.c` of https://github.com/ggml-org/ggml, in the same
order of float32 operations, so that the results are equal to the last bit.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
SUPER_BLOCK = 256
# As many values as stay in a core's own cache while a block type makes several passes over them.
VALUES_AT_ONCE = 1 << 16


class TensorType(NamedTuple):
    """How a GGUF tensor type stores its values.

    Attributes:
        name: the type's name in ggml.
        block_size: values in a block; a tensor's rows are multiples of it.
        dtype: the layout of one block in the file.
        dequantize: writes blocks [n] of `dtype` to float32 values [n, block_size]; None where the
            file's values are used as they are.
    """

    name: str
    block_size: int
    dtype: np.dtype[Any]
    dequantize: Callable[[Array, Array], None] | None = None


def dequantize(blocks: Array, tensor_type: TensorType) -> Array:
    """The float32 values of blocks, flat; blocks of a type that isn't quantized as they are.

    Args:
        blocks: [n] of `tensor_type.dtype`.
        tensor_type: one of `TYPES`.

    Example:
        >>> blocks = np.zeros(1, TYPES[8].dtype)
        >>> blocks["scale"], blocks["values"] = 0.5, np.arange(32)
        >>> dequantize(blocks, TYPES[8])[:4]
        array([0. , 0.5, 1. , 1.5], dtype=float32)
    """
    if tensor_type.dequantize is None:
        return blocks
    values = np.empty((len(blocks), tensor_type.block_size), np.float32)
    step = VALUES_AT_ONCE // tensor_type.block_size
    with np.errstate(over="ignore", invalid="ignore"):  # a scale may be infinite
        for start in range(0, len(blocks), step):
            part = slice(start, start + step)
            tensor_type.dequantize(blocks[part], values[part])
    return values.reshape(-1)


def _q4_0(blocks: Array, values: Array) -> None:
    _nibbles(blocks["nibbles"], values)
    values -= 8
    values *= _column(blocks["scale"])


def _q4_1(blocks: Array, values: Array) -> None:
    _nibbles(blocks["nibbles"], values)
    values *= _column(blocks["scale"])
    values += _column(blocks["minimum"])


def _q5_0(blocks: Array, values: Array) -> None:
    _nibbles(blocks["nibbles"], values, _fifth_bits(blocks))
    values -= 16
    values *= _column(blocks["scale"])


def _q5_1(blocks: Array, values: Array) -> None:
    _nibbles(blocks["nibbles"], values, _fifth_bits(blocks))
    values *= _column(blocks["scale"])
    values += _column(blocks["minimum"])


def _q8_0(blocks: Array, values: Array) -> None:
    np.multiply(blocks["values"], _column(blocks["scale"]), out=values)


def _q4_k(blocks: Array, values: Array) -> None:
    pairs = values.reshape(-1, 4, 2, 32)
    nibbles = blocks["nibbles"]
    pairs[:, :, 0] = nibbles & 0x0F
    pairs[:, :, 1] = nibbles >> 4
    _scale_sub_blocks(blocks, values)


def _q5_k(blocks: Array, values: Array) -> None:
    pairs = values.reshape(-1, 4, 2, 32)
    nibbles = blocks["nibbles"]
    shifted = blocks["high_bits"][:, None] >> np.arange(8, dtype=np.uint8)[:, None]
    fifth = ((shifted & 1) << 4).reshape(-1, 4, 2, 32)
    pairs[:, :, 0] = (nibbles & 0x0F) | fifth[:, :, 0]
    pairs[:, :, 1] = (nibbles >> 4) | fifth[:, :, 1]
    _scale_sub_blocks(blocks, values)


def _q6_k(blocks: Array, values: Array) -> None:
    halves = values.reshape(-1, 2, 4, 32)
    nibbles, pairs = blocks["nibbles"], blocks["high_bits"]
    for quarter in range(4):
        low = nibbles[:, :, quarter % 2]
        low = low >> 4 if quarter >= 2 else low & 0x0F
        halves[:, :, quarter] = low | (((pairs >> (2 * quarter)) & 3) << 4)
    values -= 32
    groups = values.reshape(-1, 16, 16)
    groups *= (_column(blocks["scale"]) * blocks["scales"])[..., None]


def _nibbles(packed: Array, values: Array, high: Array | None = None) -> None:
    """Low halves of 16 bytes are a block's first 16 values, high halves the other 16."""
    low, upper = packed & 0x0F, packed >> 4
    if high is not None:
        low |= high[:, :16]
        upper |= high[:, 16:]
    values[:, :16] = low
    values[:, 16:] = upper


def _fifth_bits(blocks: Array) -> Array:
    return np.unpackbits(blocks["high_bits"], axis=1, bitorder="little") << 4


def _column(scale: Array) -> Array:
    return scale.astype(np.float32)[:, None]


def _scale_sub_blocks(blocks: Array, values: Array) -> None:
    """Applies the 6-bit scales and minima of eight sub-blocks, packed into twelve bytes.

    Bytes 0-3 hold the scales of sub-blocks 0-3, bytes 4-7 their minima, both in the low six bits.
    Bytes 8-11 hold the low four bits of the other scales (low half) and minima (high half), whose
    upper two bits are the upper two bits of bytes 0-7.
    """
    first, second, third = (blocks["packed_scales"][:, i] for i in range(3))
    scales = np.concatenate([first & 63, (third & 15) | (first >> 6 << 4)], axis=1)
    minima = np.concatenate([second & 63, (third >> 4) | (second >> 6 << 4)], axis=1)
    sub_blocks = values.reshape(-1, 8, 32)
    sub_blocks *= (_column(blocks["scale"]) * scales)[..., None]
    sub_blocks -= (_column(blocks["minimum"]) * minima)[..., None]


_SCALE = ("scale", "<f2")
_MINIMUM = ("minimum", "<f2")
_PACKED_SCALES = ("packed_scales", "u1", (3, 4))
_Q4_0 = np.dtype([_SCALE, ("nibbles", "u1", 16)])
_Q4_1 = np.dtype([_SCALE, _MINIMUM, ("nibbles", "u1", 16)])
_Q5_0 = np.dtype([_SCALE, ("high_bits", "u1", 4), ("nibbles", "u1", 16)])
_Q5_1 = np.dtype([_SCALE, _MINIMUM, ("high_bits", "u1", 4), ("nibbles", "u1", 16)])
_Q8_0 = np.dtype([_SCALE, ("values", "i1", 32)])
_Q4_K = np.dtype([_SCALE, _MINIMUM, _PACKED_SCALES, ("nibbles", "u1", (4, 32))])
_Q5_K = np.dtype(
    [_SCALE, _MINIMUM, _PACKED_SCALES, ("high_bits", "u1", 32), ("nibbles", "u1", (4, 32))]
)
_Q6_K = np.dtype(
    [("nibbles", "u1", (2, 2, 32)), ("high_bits", "u1", (2, 32)), ("scales", "i1", 16), _SCALE]
)

# By ggml's own type numbers.
TYPES: dict[int, TensorType] = {
    0: TensorType("F32", 1, np.dtype("<f4")),
    1: TensorType("F16", 1, np.dtype("<f2")),
    2: TensorType("Q4_0", 32, _Q4_0, _q4_0),
    3: TensorType("Q4_1", 32, _Q4_1, _q4_1),
    6: TensorType("Q5_0", 32, _Q5_0, _q5_0),
    7: TensorType("Q5_1", 32, _Q5_1, _q5_1),
    8: TensorType("Q8_0", 32, _Q8_0, _q8_0),
    12: TensorType("Q4_K", SUPER_BLOCK, _Q4_K, _q4_k),
    13: TensorType("Q5_K", SUPER_BLOCK, _Q5_K, _q5_k),
    14: TensorType("Q6_K", SUPER_BLOCK, _Q6_K, _q6_k),
    24: TensorType("I8", 1, np.dtype("i1")),
    25: TensorType("I16", 1, np.dtype("<i2")),
    26: TensorType("I32", 1, np.dtype("<i4")),
    27: TensorType("I64", 1, np.dtype("<i8")),
    28: TensorType("F64", 1, np.dtype("<f8")),
    30: TensorType("BF16", 1, np.dtype(ml_dtypes.bfloat16)),
}
