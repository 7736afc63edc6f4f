"""The machine code as calls of JAX."""

import hashlib
import threading
from typing import Any

import jax
import jax.numpy as jnp

from hornbook.native.attention import (
    BITS,
    MOST_BLOCK_VECTORS,
    AttentionShape,
    attention_code,
)
from hornbook.native.compiler import compiled
from hornbook.native.operands import operands
from hornbook.native.processor import Processor, this_processor
from hornbook.native.product import MOST_KERNEL_ROWS, product_code
from hornbook.native.scope import is_allowed
from hornbook.native.write import write_code
from hornbook.native.xla_handler import handler_code, is_known

MOST_ROWS = 32
"""Up to as many rows a product is faster than XLA's, which lays the kernel out anew, ..."""
MOST_ROWS_CONVERTED = 8
"""... and up to as many where the processor doesn't multiply bfloat16 itself."""
MOST_ROWS_SINGLE = int(__import__("os").environ.get("F32ROWS", "1"))
"""Up to as many in float32."""
MOST_QUERIES = 128
"""Up to as many queries of a head of keys go through the cache at once."""
MOST_HEAD_DIM = 256
"""Wider heads don't fit into a processor's registers."""
MOST_ALONE = 2**18
"""So many bytes one thread reads before another has begun."""

_TARGETS: set[str] = set()
_LOCK = threading.Lock()
"""Of the targets: XLA takes no name twice."""


def usable_processor() -> Processor | None:
    """The processor that what is traced now may have machine code for, if it may.

    There is none on accelerators, nor with several devices, among which XLA could not divide the
    calls.
    """
    if not is_allowed() or jax.default_backend() != "cpu" or jax.device_count() > 1:
        return None
    if not is_known():
        return None
    return this_processor()


def has_native_product(rows: int, dtype: Any) -> bool:
    """Whether a product of so many rows in a dtype is traced as machine code of ours."""
    processor = usable_processor()
    if processor is None or rows < 1:
        return False
    most = {"float32": MOST_ROWS_SINGLE, "bfloat16": MOST_ROWS_CONVERTED}
    if processor.has_bfloat16_dot:
        most["bfloat16"] = MOST_ROWS
    return rows <= most.get(jnp.dtype(dtype).name, 0)


def native_product(inputs: Any, kernel: Any, number: Any = None) -> Any:
    """Multiplies [rows, width] by a kernel [units, width], both bfloat16: float32 [rows, units].

    Where `has_native_product`.

    Args:
        inputs: [rows, width].
        kernel: [units, width], or [kernels, units, width] with a number.
        number: int32 [], of the kernel among others, which are not read.
    """
    processor = _processor()
    is_half = kernel.dtype == jnp.bfloat16
    if is_half and not processor.has_bfloat16_dot:
        inputs = _arranged(inputs.astype(jnp.float32), operands(processor, is_half).step)
    rows, units = inputs.shape[0], kernel.shape[-2]
    chosen = () if number is None else (number,)
    code = product_code(processor, rows, is_half, number is not None)
    target = _registered("product", code, processor, _is_shared(kernel), MOST_KERNEL_ROWS)
    return _call(target, (rows, units), jnp.float32, inputs, kernel, *chosen)


def has_native_attention(query: Any, key: Any, value: Any, mask: Any) -> bool:
    """Whether attention to a cache is traced as machine code of ours.

    Args:
        query: [batch, queries, heads, head_dim].
        key: [batch, kv_heads, slots, head_dim], float32, bfloat16 or the latter's bits.
        value: [batch, kv_heads, slots, value_head_dim].
        mask: bool [batch or 1, 1, queries or 1, slots], or None.
    """
    processor = usable_processor()
    sizes = (*query.shape, *key.shape, *value.shape)
    if processor is None or mask is None or not all(isinstance(size, int) for size in sizes):
        return False
    return (
        mask.dtype == bool
        and mask.ndim == 4
        and mask.shape[1::2] == (1, key.shape[2])
        and 0 < query.shape[1] * query.shape[2] // key.shape[1] <= MOST_QUERIES
        and key.dtype == value.dtype
        and key.dtype in (jnp.float32, jnp.bfloat16, BITS)
        and has_head_dims(query.shape[-1], value.shape[-1])
        and key.shape[2] >= processor.lanes
    )


def has_head_dims(*dims: int) -> bool:
    """Whether attention with heads so wide may be traced as machine code."""
    processor = usable_processor()
    if processor is None:
        return False
    return all(dim % processor.lanes == 0 < dim <= MOST_HEAD_DIM for dim in dims)


def native_attention(query: Any, key: Any, value: Any, mask: Any, scale: float) -> Any:
    """Attends to a cache: float32 [batch, queries, heads * value_head_dim].

    Where `has_native_attention`, whose arguments these are; `scale` multiplies the scores. A query
    that may look nowhere gets zeros.
    """
    processor = _processor()
    batch, length, heads, head_dim = query.shape
    shape = AttentionShape(
        group=heads // key.shape[1],
        head_dim=head_dim,
        value_head_dim=value.shape[-1],
        scale=scale,
        block_vectors=min(MOST_BLOCK_VECTORS, key.shape[2] // processor.lanes),
        is_half=key.dtype != jnp.float32,
        masks_rows=mask.shape[0] > 1,
        masks_queries=mask.shape[2] > 1,
    )
    result = (batch, length, heads * shape.value_head_dim)
    code = attention_code(processor, shape)
    target = _registered("attention", code, processor, _is_shared(key, value))
    return _call(target, result, jnp.float32, query.astype(jnp.float32), key, value, mask)


def has_native_write(cache: Any, new: Any, positions: Any) -> bool:
    """Whether a write into a cache is traced as machine code of ours.

    Args:
        cache: [batch, heads, slots, width].
        new: [batch, heads, length, width], of the same dtype.
        positions: int32 [batch] or [batch, length].
    """
    sizes = (*cache.shape, *new.shape, *positions.shape)
    return usable_processor() is not None and all(isinstance(size, int) for size in sizes)


def native_write(cache: Any, new: Any, positions: Any) -> Any:
    """The cache with new keys or values in some slots, where `has_native_write`.

    It is changed where it is, if nobody needs the old one.
    """
    code = write_code(cache.dtype.itemsize, positions.ndim > 1)
    target = _registered("write", code, _processor(), _is_shared(new))
    arguments = (cache, new, positions.astype(jnp.int32))
    return _call(target, cache.shape, cache.dtype, *arguments, aliases={0: 0})


def _processor() -> Processor:
    processor = this_processor()
    if processor is None:
        raise RuntimeError("There is no machine code for this processor, or no llvmlite.")
    return processor


def _is_shared(*arrays: Any) -> bool:
    """Whether the other threads help with so much to read."""
    return sum(array.size * array.dtype.itemsize for array in arrays) > MOST_ALONE


def _call(
    target: str,
    shape: tuple[int, ...],
    dtype: Any,
    *arguments: Any,
    aliases: dict[int, int] | None = None,
) -> Any:
    result = jax.ShapeDtypeStruct(shape, dtype)
    call = jax.ffi.ffi_call(target, result, vmap_method="sequential", input_output_aliases=aliases)
    return call(*arguments)


def _arranged(inputs: Any, size: int) -> Any:
    """Each row with the first numbers of the pairs in `size` numbers before the second ones."""
    rows, width = inputs.shape
    whole = width - width % size
    pairs = inputs[:, :whole].reshape(rows, -1, size // 2, 2)
    stepped = jnp.swapaxes(pairs, -1, -2).reshape(rows, whole)
    return jnp.concatenate([stepped, inputs[:, whole:]], axis=1)


def _registered(name: str, code: str, processor: Processor, is_shared: bool, grain: int = 1) -> str:
    """Gives the name that XLA knows a handler by, whose code is compiled when it is new."""
    details = (processor.name, code, is_shared, grain)
    # The same in all processes, as compiled programs are kept that call it by this name.
    target = f"hornbook {name} {hashlib.sha256(repr(details).encode()).hexdigest()}"
    with _LOCK:
        if target not in _TARGETS:
            text = code + handler_code(grain, is_shared)
            (handler,) = compiled(text, ["handler"], processor)
            jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(handler), platform="cpu")
            _TARGETS.add(target)
    return target
