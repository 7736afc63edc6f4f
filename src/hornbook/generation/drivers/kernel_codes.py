"""A vocabulary's kernel in whole numbers of 8 bits, made when a sampler asks for few tokens."""

import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from hornbook.backbones.weight_memory import weight_memory
from hornbook.generation.language_model import logits_product
from hornbook.layers.likeliest_product import MOST_ASKED, Asked, Codes
from hornbook.native.scope import machine_code
from hornbook.samplers import Sampler

ROWS_AT_ONCE = 512
"""So many of a kernel's rows are rounded together; with fewer, threads wait for Python."""


class Access(NamedTuple):
    """How a framework's kernels are read.

    Attributes:
        is_taken: whether it has machine code for so many rows and a kernel.
        numbers: a tensor's own memory as an array.
        tensor: a tensor of an array, in the array's own memory if it can be.
        writes: a number that is another one after the tensor was written to, if it can be.
        is_shared: whether others may not write into memory that the codes were made of, as long as
            they are there; they get a copy then. So a number of `writes` can be where it is.
    """

    is_taken: Callable[[int, Any], bool]
    numbers: Callable[[Any], np.ndarray]
    tensor: Callable[[np.ndarray], Any]
    writes: Callable[[Any], int] = lambda tensor: 0
    is_shared: bool = False


class _Held(NamedTuple):
    kernel: weakref.ref[Any]
    writes: int
    codes: Codes | None
    memory: Any


# By the layer whose kernel it is.
_HELD: weakref.WeakKeyDictionary[Any, _Held] = weakref.WeakKeyDictionary()


class KernelCodes:
    """Those of the product that gives a model's logits, where a sampler asks for few of them.

    Args:
        model: says which product that is.
        sampler: says how many tokens it asks for.
        access: how kernels are read.
    """

    def __init__(self, model: Any, sampler: Sampler, access: Access) -> None:
        self._count = sampler.tokens_asked
        is_few = self._count is not None and self._count <= MOST_ASKED
        self._product = logits_product(model) if is_few else None
        self._access = access

    def of(self, rows: int) -> Codes | None:
        """The codes of the kernel's current numbers, for a step of so many rows; None for none."""
        if self._product is None:
            return None
        layer, value = self._product.layer, self._product.kernel.value
        with machine_code():
            if not self._access.is_taken(rows, value):
                return None
        held, writes = _HELD.get(layer), self._access.writes(value)
        if held is None or held.kernel() is not value or held.writes != writes:
            numbers = self._access.numbers(value)
            codes = kernel_codes(numbers)
            if codes is not None:
                codes = Codes(*map(self._access.tensor, codes))
            memory = numbers if self._access.is_shared else None
            held = _HELD[layer] = _Held(weakref.ref(value), writes, codes, memory)
        return held.codes

    def asked(self, codes: Codes | None) -> Mapping[Any, Asked]:
        """What `only_likeliest` is given."""
        if codes is None or self._product is None or self._count is None:
            return {}
        return {self._product.layer: Asked(self._count, codes)}


def kernel_codes(kernel: np.ndarray) -> Codes | None:
    """A kernel [units, width] in 8 bits, or None if some of its numbers are not finite.

    Example:
        >>> codes = kernel_codes(np.array([[0.5, -1.0], [254.0, 1.0]], "float32"))
        >>> codes.codes.tolist()
        [[64, -127], [127, 0]]
        >>> bool(abs(0.5 - 64 * codes.scales[0]) <= codes.errors[0])
        True
    """
    units, width = kernel.shape
    codes = weight_memory((units, width), "int8")
    scales, errors = (weight_memory((units,), "float32") for _ in range(2))
    encode = partial(_encode, kernel, Codes(codes, scales, errors))
    with ThreadPoolExecutor() as threads:
        for _ in threads.map(encode, range(0, units, ROWS_AT_ONCE)):
            pass
    return Codes(codes, scales, errors) if np.isfinite(errors).all() else None


@np.errstate(invalid="ignore", over="ignore")
def _encode(kernel: np.ndarray, made: Codes, first: int) -> None:
    part = slice(first, first + ROWS_AT_ONCE)
    rows = kernel[part].astype("float32")
    limits = np.finfo("float32")
    highest = np.maximum(rows.max(axis=1), -rows.min(axis=1))
    scales = np.maximum(highest / 127, limits.tiny)[:, None]
    rounded = rows / scales
    np.rint(rounded, out=rounded)
    made.codes[part], made.scales[part] = rounded, scales[:, 0]
    # Sums in float32, of the kernel's products and of the codes', are off by less than this.
    order = 4 * kernel.shape[1] * limits.eps * _norms(rows) + limits.tiny
    rounded *= scales
    rounded -= rows
    made.errors[part] = 1.001 * _norms(rounded) + order


def _norms(rows: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ij,ij->i", rows, rows))
