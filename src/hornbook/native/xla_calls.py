"""The machine code as calls of XLA's on the CPU, on JAX and on TensorFlow."""

import hashlib
import threading
from functools import cache
from typing import Any

import keras
from keras import ops

from hornbook.native import operations
from hornbook.native.compiler import compiled
from hornbook.native.operations import Array, Operation
from hornbook.native.processor import Processor, this_processor
from hornbook.native.scope import is_allowed
from hornbook.native.xla_handler import Framework, handler_code, is_known

_TARGETS: set[str] = set()
_LOCK = threading.Lock()
"""Of the targets: XLA takes no name twice."""


def usable_processor() -> Processor | None:
    """The processor that what is traced now may have machine code for, if it may.

    There is none on accelerators, nor with several devices, among which XLA could not divide the
    calls.
    """
    if not is_allowed() or not _framework().has_one_cpu() or not is_known(_framework()):
        return None
    return this_processor()


def has_native_product(rows: int, dtype: Any) -> bool:
    """Whether a product of so many rows in a dtype is traced as machine code of ours.

    A single row in bfloat16 XLA multiplies as fast.
    """
    processor, name = usable_processor(), keras.backend.standardize_dtype(dtype)
    if processor is None or (rows == 1 and name == "bfloat16"):
        return False
    return operations.takes_product(processor, rows, name)


def native_product(inputs: Any, kernel: Any, number: Any = None) -> Any:
    """Multiplies [rows, width] by a kernel [units, width], both of one dtype: [rows, units].

    Where `has_native_product`. It adds up in float32.

    Args:
        inputs: [rows, width].
        kernel: [units, width], or [kernels, units, width] with a number.
        number: int32 [], of the kernel among others, which are not read.
    """
    processor = _processor()
    rows, units = inputs.shape[0], kernel.shape[-2]
    operation = operations.product(processor, _array(inputs), _array(kernel), number is not None)
    inputs = ops.cast(inputs, operations.takes_inputs(processor, _array(kernel).dtype))
    chosen = () if number is None else (number,)
    return _call(operation, (rows, units), kernel.dtype, inputs, kernel, *chosen)


def has_native_likeliest(rows: int, kernel: Any) -> bool:
    """Whether the likeliest outputs of a kernel [units, width] are traced as machine code."""
    return usable_processor() is not None and operations.takes_likeliest(rows, _array(kernel))


def native_bounds(inputs: Any, codes: Any, scales: Any, errors: Any, norms: Any) -> Any:
    """What a product's outputs are at most: float32 [rows, units]; see `bounds_code`."""
    operation = operations.bounds(_processor(), _array(inputs), _array(codes))
    shape = inputs.shape[0], codes.shape[0]
    return _call(operation, shape, "float32", inputs, codes, scales, errors, norms)


def native_likeliest(inputs: Any, kernel: Any, bounds: Any, least: Any) -> Any:
    """The product's outputs [rows, units] whose bounds reach the `least`, and minus infinity."""
    processor = _processor()
    operation = operations.likeliest(processor, _array(inputs), _array(kernel))
    inputs = ops.cast(inputs, operations.takes_inputs(processor, _array(kernel).dtype))
    return _call(operation, bounds.shape, kernel.dtype, inputs, kernel, bounds, least)


def has_native_attention(query: Any, key: Any, value: Any, mask: Any) -> bool:
    """Whether attention to a cache is traced as machine code of ours; see `takes_attention`."""
    processor = usable_processor()
    if processor is None or mask is None or not _are_known(query, key, value, mask):
        return False
    return operations.takes_attention(processor, *map(_array, (query, key, value, mask)))


def has_head_dims(*dims: int) -> bool:
    """Whether attention with heads so wide may be traced as machine code."""
    processor = usable_processor()
    return processor is not None and operations.takes_head_dims(processor, dims)


def native_attention(query: Any, key: Any, value: Any, mask: Any, scale: float) -> Any:
    """Attends to a cache: [batch, queries, heads * value_head_dim], of the queries' dtype.

    Where `has_native_attention`, whose arguments these are; `scale` multiplies the scores. A query
    that may look nowhere gets zeros.
    """
    arrays = (_array(query), _array(key), _array(value), _array(mask))
    operation = operations.attention(_processor(), *arrays, scale)
    batch, length, heads, _ = query.shape
    result = (batch, length, heads * value.shape[-1])
    arguments = (ops.cast(query, "float32"), key, value, mask)
    return ops.cast(_call(operation, result, "float32", *arguments), query.dtype)


def has_native_write(cache: Any, new: Any, positions: Any) -> bool:
    """Whether a write into a cache is traced as machine code of ours.

    Args:
        cache: [batch, heads, slots, width].
        new: [batch, heads, length, width], of the same dtype.
        positions: int32 [batch] or [batch, length].
    """
    if usable_processor() is None or not _are_known(cache, new, positions):
        return False
    return cache.dtype == new.dtype and _array(cache).dtype in operations.BYTES


def native_write(cache: Any, new: Any, positions: Any) -> Any:
    """The cache with new keys or values in some slots, where `has_native_write`.

    It is changed where it is, if nobody needs the old one.
    """
    operation = operations.write(_array(new), len(positions.shape) > 1)
    arguments = (cache, new, ops.cast(positions, "int32"))
    return _call(operation, cache.shape, cache.dtype, *arguments, is_in_place=True)


def has_native_norm(inputs: Any, scale: Any, dtype: str) -> bool:
    """Whether a norm of inputs [..., width] to a dtype is traced as machine code of ours."""
    if usable_processor() is None or not _are_known(inputs):
        return False
    return operations.takes_norm(_array(inputs), _array(scale), dtype)


def native_norm(
    inputs: Any, scale: Any, bias: Any, epsilon: float, dtype: str, is_centred: bool
) -> Any:
    """A norm over the last axis, where `has_native_norm`.

    Args:
        inputs: [..., width].
        scale: [width].
        bias: [width], or None.
        epsilon: added to the mean square, or to the variance.
        dtype: of the result.
        is_centred: whether the mean is subtracted. If not, what the scale multiplies is rounded to
            its dtype before.
    """
    rows = ops.reshape(inputs, (-1, inputs.shape[-1]))
    arrays = _array(rows), _array(scale)
    operation = operations.norm(
        _processor(), *arrays, dtype, epsilon, is_centred, has_bias=bias is not None
    )
    added = () if bias is None else (ops.cast(bias, scale.dtype),)
    return ops.reshape(_call(operation, rows.shape, dtype, rows, scale, *added), inputs.shape)


def _processor() -> Processor:
    processor = this_processor()
    if processor is None:
        raise RuntimeError("There is no machine code for this processor, or no llvmlite.")
    return processor


def _array(tensor: Any) -> Array:
    return Array(tuple(tensor.shape), keras.backend.standardize_dtype(tensor.dtype))


def _are_known(*tensors: Any) -> bool:
    """Whether no size is a symbol, of which Keras makes shapes, or left open by TensorFlow."""
    return all(isinstance(size, int) for tensor in tensors for size in tensor.shape)


@cache
def _framework() -> Framework:
    if keras.backend.backend() == "jax":
        from hornbook.native.jax_framework import JaxFramework

        return JaxFramework()
    from hornbook.native.tensorflow_framework import TensorFlowFramework

    return TensorFlowFramework()


def _call(
    operation: Operation, shape: Any, dtype: Any, *arguments: Any, is_in_place: bool = False
) -> Any:
    target = _registered(operation, _processor())
    name = keras.backend.standardize_dtype(dtype)
    return _framework().call(target, tuple(shape), name, arguments, is_in_place)


def _registered(operation: Operation, processor: Processor) -> str:
    """Gives the name that XLA knows a handler by, whose code is compiled when it is new."""
    # The same in all processes, as compiled programs are kept that call it by this name.
    details = repr((operation, processor.name)).encode()
    target = f"hornbook {operation.name} {hashlib.sha256(details).hexdigest()}"
    with _LOCK:
        if target not in _TARGETS:
            text = operation.code + handler_code(
                _framework(), operation.grain, operation.is_shared, operation.is_single
            )
            (handler,) = compiled(text, ["handler"], processor)
            _framework().register(target, handler)
            _TARGETS.add(target)
    return target
