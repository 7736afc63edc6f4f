"""The machine code as functions of torch, on the CPU and without gradients."""

import ctypes
from collections.abc import Iterable, Iterator
from functools import cache

import torch
from torch.overrides import handle_torch_function, has_torch_function_variadic

from hornbook.native import operations
from hornbook.native.openmp import AXES, WORDS, Function, function_of, torchs_openmp
from hornbook.native.operations import Array, Operation
from hornbook.native.processor import Processor, this_processor
from hornbook.native.scope import is_allowed

MOST_ROWS = 16
"""For more rows oneDNN lays the kernel out anew in less time than the product takes."""


def usable_processor(*tensors: torch.Tensor) -> Processor | None:
    """The processor that a call with such tensors may have machine code for, if it may.

    There is none for tensors that are not just numbers in this process's memory.
    """
    if not is_allowed() or not all(map(_is_plain, tensors)):
        return None
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or torchs_openmp() is None:
        return None
    return this_processor()


def has_native_product(inputs: torch.Tensor, kernel: torch.Tensor) -> bool:
    """Whether machine code multiplies [..., width] by a kernel [units, width]."""
    processor = usable_processor(inputs, kernel)
    if processor is None or not inputs.numel() or not kernel.is_contiguous():
        return False
    rows = inputs.numel() // inputs.shape[-1]
    return rows <= MOST_ROWS and operations.takes_product(processor, rows, _dtype(kernel))


def native_product(
    inputs: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """`inputs @ kernel.T + bias` of one dtype, where `has_native_product`.

    It adds up in float32, and rounds once.
    """
    if has_torch_function_variadic(inputs, kernel):  # a single call, to whoever records them
        given = (inputs, kernel, bias)
        return handle_torch_function(native_product, (inputs, kernel), *given)
    units, width = kernel.shape
    rows = inputs.numel() // inputs.shape[-1]
    function, dtype = _product(
        (rows, inputs.shape[-1]), (units, width), kernel.dtype, bias is not None
    )
    inputs = inputs.to(dtype).contiguous()
    outputs = kernel.new_empty((*inputs.shape[:-1], units))
    if bias is None:
        arguments = _TWO(inputs.data_ptr(), rows, width, 0, 0, kernel.data_ptr(), units, width)
    else:
        bias = bias.to(kernel.dtype).contiguous()
        places = (kernel.data_ptr(), units, width, 0, 0, bias.data_ptr())
        arguments = _THREE(inputs.data_ptr(), rows, width, 0, 0, *places)
    function(arguments, _ONE(outputs.data_ptr()), torch.get_num_threads())
    return outputs


def has_native_likeliest(rows: int, kernel: torch.Tensor) -> bool:
    """Whether machine code computes the likeliest outputs of a kernel [units, width] alone."""
    if not kernel.is_contiguous() or not operations.takes_likeliest(rows, _array(kernel)):
        return False
    with torch.no_grad():
        return usable_processor(kernel) is not None


def native_bounds(
    inputs: torch.Tensor,
    codes: torch.Tensor,
    scales: torch.Tensor,
    errors: torch.Tensor,
    norms: torch.Tensor,
) -> torch.Tensor:
    """What a product's outputs are at most: float32 [rows, units]; see `bounds_code`."""
    given = (inputs, codes, scales, errors, norms)
    if has_torch_function_variadic(inputs, codes):
        return handle_torch_function(native_bounds, given, *given)
    function = _bounds(_array(inputs), _array(codes))
    own = (inputs.contiguous(), *given[1:])
    outputs = scales.new_empty((inputs.shape[0], codes.shape[0]))
    function(_FIVE(*_words(own)), _ONE(outputs.data_ptr()), torch.get_num_threads())
    return outputs


def native_likeliest(
    inputs: torch.Tensor, kernel: torch.Tensor, bounds: torch.Tensor, least: torch.Tensor
) -> torch.Tensor:
    """The product's outputs [rows, units] whose bounds reach the `least`, and minus infinity."""
    given = (inputs, kernel, bounds, least)
    if has_torch_function_variadic(inputs, kernel):
        return handle_torch_function(native_likeliest, given, *given)
    function, dtype = _likeliest(_array(inputs), _array(kernel))
    own = (inputs.to(dtype).contiguous(), *given[1:])
    outputs = kernel.new_empty(bounds.shape)
    function(_FOUR(*_words(own)), _ONE(outputs.data_ptr()), torch.get_num_threads())
    return outputs


def has_native_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
) -> bool:
    """Whether machine code attends to a cache; see `takes_attention`."""
    if mask is None:
        return False
    processor = usable_processor(query, key, value, mask)
    if processor is None or not all(cached.is_contiguous() for cached in (key, value)):
        return False
    return operations.takes_attention(processor, *map(_array, (query, key, value, mask)))


def native_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scale: float
) -> torch.Tensor:
    """Attends to a cache: [batch, queries, heads * value_head_dim], of the queries' dtype.

    Where `has_native_attention`, whose arguments these are; `scale` multiplies the scores. A query
    that may look nowhere gets zeros.
    """
    if has_torch_function_variadic(query, key, value, mask):
        given = (query, key, value, mask)
        return handle_torch_function(native_attention, given, *given, scale)
    arrays = tuple(map(_array, (query, key, value, mask)))
    function = _attention(*arrays, scale)
    batch, length, heads, _ = query.shape
    own = (query.float().contiguous(), key, value, mask.contiguous())
    outputs = own[0].new_empty((batch, length, heads * value.shape[-1]))
    function(_FOUR(*_words(own)), _ONE(outputs.data_ptr()), torch.get_num_threads())
    return outputs.to(query.dtype)


_ONE, _TWO, _THREE, _FOUR, _FIVE = (ctypes.c_int64 * (WORDS * count) for count in range(1, 6))


def _words(tensors: Iterable[torch.Tensor]) -> Iterator[int]:
    """What the machine code is told of arrays."""
    for tensor in tensors:
        shape = tuple(tensor.shape)
        yield from (tensor.data_ptr(), *shape, *(0,) * (AXES - len(shape)))


@cache
def _product(
    inputs: tuple[int, int], kernel: tuple[int, int], dtype: torch.dtype, has_bias: bool
) -> tuple[Function, torch.dtype]:
    """The function for inputs [rows, width] and a kernel of such shapes, and the inputs' dtype."""
    processor, name = _processor(), str(dtype).removeprefix("torch.")
    arrays = Array(inputs, name), Array(kernel, name)
    operation = operations.product(processor, *arrays, has_bias=has_bias)
    taken = operations.takes_inputs(processor, name)
    return _function(operation), getattr(torch, taken)


@cache
def _attention(query: Array, key: Array, value: Array, mask: Array, scale: float) -> Function:
    return _function(operations.attention(_processor(), query, key, value, mask, scale))


@cache
def _bounds(inputs: Array, codes: Array) -> Function:
    return _function(operations.bounds(_processor(), inputs, codes))


@cache
def _likeliest(inputs: Array, kernel: Array) -> tuple[Function, torch.dtype]:
    """The function, and the inputs' dtype."""
    processor = _processor()
    taken = operations.takes_inputs(processor, kernel.dtype)
    operation = operations.likeliest(processor, inputs, kernel)
    return _function(operation), getattr(torch, taken)


@cache
def _function(operation: Operation) -> Function:
    library = torchs_openmp()
    if library is None:
        raise RuntimeError("This torch doesn't share its work by OpenMP.")
    return function_of(operation, _processor(), library)


def _is_plain(tensor: torch.Tensor) -> bool:
    return tensor.device.type == "cpu" and type(tensor) in (torch.Tensor, torch.nn.Parameter)


def _processor() -> Processor:
    processor = this_processor()
    if processor is None:
        raise RuntimeError("There is no machine code for this processor, or no llvmlite.")
    return processor


def _array(tensor: torch.Tensor) -> Array:
    return Array(tuple(tensor.shape), _dtype(tensor))


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
