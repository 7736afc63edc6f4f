"""What there is machine code for, whoever calls it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from hornbook.native.attention import BITS, MOST_BLOCK_VECTORS, AttentionShape, attention_code
from hornbook.native.likeliest import bounds_code, likeliest_code
from hornbook.native.norm import NormShape, norm_code
from hornbook.native.processor import Processor
from hornbook.native.product import MOST_KERNEL_ROWS, ProductShape, product_code
from hornbook.native.write import write_code

MOST_ROWS = {"float32": 4, "bfloat16": 8}
"""Up to as many rows a product is faster than those of the libraries, ..."""
MOST_ROWS_OF_ALL = 32
"""... and in bfloat16 up to as many where the processor multiplies that itself; norms too."""
MOST_LIKELIEST = {"float32": 8, "bfloat16": 4}
"""Up to as many rows it is faster to compute the likeliest outputs alone."""
LEAST_LIKELIEST = 2**22
"""Smaller kernels, in numbers, are multiplied as quickly."""
MOST_QUERIES = 128
"""Up to as many queries of a head of keys go through the cache at once."""
MOST_HEAD_DIM = 256
"""Wider heads don't fit into a processor's registers."""
MOST_ALONE = 2**18
"""So many bytes one thread reads before another has begun."""
BYTES = {"float32": 4, "bfloat16": 2, BITS: 2, "int8": 1}


class Array(NamedTuple):
    """What is known of a tensor before there is one."""

    shape: tuple[int, ...]
    dtype: str

    def bytes(self) -> int:
        return BYTES[self.dtype] * math.prod(self.shape)


class Operation(NamedTuple):
    """Machine code, and how its work is shared.

    Attributes:
        name: in profiles.
        code: LLVM's text of `count` and `run`.
        is_shared: whether several threads help.
        grain: threads take a multiple of so many parts at a time.
        is_single: whether it is for a single row, and the next such call comes soon.
    """

    name: str
    code: str
    is_shared: bool
    grain: int = 1
    is_single: bool = False


def takes_product(processor: Processor, rows: int, dtype: str) -> bool:
    """Whether a product of so many rows in a dtype is faster as machine code."""
    most = MOST_ROWS.get(dtype, 0)
    if dtype == "bfloat16" and processor.has_bfloat16_dot:
        most = MOST_ROWS_OF_ALL
    return 1 <= rows <= most


def product(
    processor: Processor,
    inputs: Array,
    kernel: Array,
    is_stacked: bool = False,
    has_bias: bool = False,
) -> Operation:
    """The product of inputs [rows, width] and a kernel [units, width], where `takes_product`.

    Raises:
        ValueError: they have different widths; the machine code would read what isn't theirs.
    """
    _check_widths(inputs, kernel)
    rows = inputs.shape[0]
    shape = ProductShape(rows, kernel.dtype == "bfloat16", is_stacked, has_bias)
    code = product_code(processor, shape)
    return Operation("product", code, _is_shared(kernel), MOST_KERNEL_ROWS, rows == 1)


def takes_inputs(processor: Processor, dtype: str) -> str:
    """The dtype of inputs that are multiplied by a kernel of a dtype."""
    return dtype if processor.has_bfloat16_dot else "float32"


def takes_likeliest(rows: int, kernel: Array) -> bool:
    """Whether it is faster to compute the likeliest outputs of a kernel [units, width] alone."""
    most = MOST_LIKELIEST.get(kernel.dtype, 0)
    return 1 <= rows <= most and math.prod(kernel.shape) >= LEAST_LIKELIEST


def bounds(processor: Processor, inputs: Array, codes: Array) -> Operation:
    """What the outputs of [rows, width] and a kernel in 8 bits [units, width] are at most."""
    _check_widths(inputs, codes)
    rows = inputs.shape[0]
    code = bounds_code(processor, rows)
    return Operation("bounds", code, _is_shared(codes), MOST_KERNEL_ROWS, rows == 1)


def likeliest(processor: Processor, inputs: Array, kernel: Array) -> Operation:
    """The outputs of [rows, width] and a kernel [units, width] that bounds allow to be highest."""
    _check_widths(inputs, kernel)
    rows, units = inputs.shape[0], kernel.shape[0]
    code = likeliest_code(processor, rows, kernel.dtype == "bfloat16")
    is_shared = _is_shared(Array((rows, units), "float32"))
    return Operation("likeliest", code, is_shared, processor.lanes, rows == 1)


def takes_attention(
    processor: Processor, query: Array, key: Array, value: Array, mask: Array
) -> bool:
    """Whether there is machine code for attention to a cache.

    Args:
        processor: what it is for.
        query: [batch, queries, heads, head_dim].
        key: [batch, kv_heads, slots, head_dim], float32, bfloat16 or the latter's bits.
        value: [batch, kv_heads, slots, value_head_dim].
        mask: bool [batch or 1, 1, queries or 1, slots].
    """
    slots = key.shape[2]
    return (
        mask.dtype == "bool"
        and len(mask.shape) == 4
        and mask.shape[1::2] == (1, slots)
        and 0 < query.shape[1] * query.shape[2] // key.shape[1] <= MOST_QUERIES
        and key.dtype == value.dtype
        and key.dtype in BYTES
        and takes_head_dims(processor, (query.shape[-1], value.shape[-1]))
        and slots >= processor.lanes
    )


def takes_head_dims(processor: Processor, dims: Sequence[int]) -> bool:
    """Whether heads are of a width that there is attention for."""
    return all(dim % processor.lanes == 0 < dim <= MOST_HEAD_DIM for dim in dims)


def attention(
    processor: Processor, query: Array, key: Array, value: Array, mask: Array, scale: float
) -> Operation:
    """Attention to a cache, where `takes_attention`; `scale` multiplies the scores."""
    shape = AttentionShape(
        group=query.shape[2] // key.shape[1],
        head_dim=query.shape[-1],
        value_head_dim=value.shape[-1],
        scale=scale,
        block_vectors=min(MOST_BLOCK_VECTORS, key.shape[2] // processor.lanes),
        is_half=key.dtype != "float32",
        masks_rows=mask.shape[0] > 1,
        masks_queries=mask.shape[2] > 1,
    )
    return Operation("attention", attention_code(processor, shape), _is_shared(key, value))


def write(new: Array, has_slots: bool) -> Operation:
    """Writing new keys or values [batch, heads, length, width] into a cache of the same dtype."""
    return Operation("write", write_code(BYTES[new.dtype], has_slots), _is_shared(new))


def takes_norm(inputs: Array, scale: Array, outputs: str) -> bool:
    """Whether a norm of [..., width] is faster as machine code."""
    rows = math.prod(inputs.shape[:-1])
    known = {inputs.dtype, scale.dtype, outputs} <= {"float32", "bfloat16"}
    return known and 1 <= rows <= MOST_ROWS_OF_ALL


def norm(
    processor: Processor,
    inputs: Array,
    scale: Array,
    outputs: str,
    epsilon: float,
    is_centred: bool,
    has_bias: bool,
) -> Operation:
    """The norm of [rows, width], where `takes_norm`; it is centred or that of the mean square."""
    halves = (dtype == "bfloat16" for dtype in (inputs.dtype, scale.dtype, outputs))
    shape = NormShape(epsilon, is_centred, has_bias, *halves)
    return Operation("norm", norm_code(processor, shape), _is_shared(inputs))


def _check_widths(inputs: Array, kernel: Array) -> None:
    if inputs.shape[-1] != kernel.shape[-1]:
        raise ValueError(
            f"Inputs {inputs.shape} can't be multiplied by a kernel {kernel.shape}: their last"
            " dimensions have to be the same."
        )


def _is_shared(*arrays: Array) -> bool:
    return sum(array.bytes() for array in arrays) > MOST_ALONE
