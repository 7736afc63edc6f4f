"""The product with a vocabulary, where nothing but a few likeliest tokens are asked for.

Greedy search reads a vocabulary for each token, a third of GPT-2's weights, and takes one output of
fifty thousand. The same kernel in whole numbers of 8 bits says what each output is up to an error
that has a bound: the norm of what rounding took from the row, times that of the inputs (Cauchy and
Schwarz). Outputs that are below another one by more than that can't be the highest; most often five
to ten are left, and are computed from the true kernel. See docs/decisions/likeliest_product.md.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, NamedTuple

import keras
from keras import ops

from hornbook.layers.linear_product import linear_product
from hornbook.native.calls import backend_calls
from hornbook.scoped import scoped

BLOCKS = 128
"""The highest outputs of so many parts of a vocabulary stand for it, so that none is sorted."""
MOST_ASKED = 32
"""For more tokens more are left to be computed than is worth it."""
ROUNDING = {"float32": 0.0, "bfloat16": 2.0**-6.9}
"""How far apart two numbers may be, relative to the higher one, that are rounded to the same."""


class Codes(NamedTuple):
    """A kernel in whole numbers of 8 bits.

    Attributes:
        codes: int8 [units, width].
        scales: float32 [units], by which they are the kernel.
        errors: float32 [units], how far an output is off at most, with inputs of norm 1.
    """

    codes: Any
    scales: Any
    errors: Any


class Asked(NamedTuple):
    """How many of a layer's highest outputs are asked for, at most `MOST_ASKED`, and its codes."""

    outputs: int
    codes: Codes


_ASKED: ContextVar[Mapping[Any, Asked]] = ContextVar("likeliest", default=MappingProxyType({}))


def only_likeliest(layers: Mapping[Any, Asked]) -> AbstractContextManager[None]:
    """Lets layers leave out what can't be among the highest of their outputs in a row."""
    return scoped(_ASKED, layers)


def output_product(layer: Any, inputs: Any, kernel: Any, bias: Any = None) -> Any:
    """A layer's `inputs @ kernel.T + bias` of [..., width] and [units, width]: [..., units].

    Inside `only_likeliest`, for a layer that it names, only outputs that may be among the highest
    of their row are there; the others are minus infinity.
    """
    asked = _ASKED.get().get(layer)
    if asked is None:
        return linear_product(inputs, kernel, bias)
    inputs, kernel = map(ops.convert_to_tensor, (inputs, kernel))
    flat = ops.reshape(inputs, (-1, inputs.shape[-1]))
    outputs = likeliest_product(flat, kernel, *asked)
    return ops.reshape(outputs, (*inputs.shape[:-1], kernel.shape[0]))


def likeliest_product(inputs: Any, kernel: Any, count: int, codes: Codes) -> Any:
    """The outputs of [rows, width] and [units, width] that may be the `count` highest of their row.

    Returns:
        [rows, units] of the kernel's dtype; what can't be one of them is minus infinity.
    """
    calls = backend_calls()
    wide = ops.cast(inputs, "float32")
    norms = ops.sqrt(ops.sum(wide * wide, axis=-1))
    bounds = calls.native_bounds(wide, *codes, norms)
    surely = _highest(bounds - 2 * codes.errors * norms[:, None], count)
    rounding = ROUNDING[keras.backend.standardize_dtype(kernel.dtype)]
    return calls.native_likeliest(inputs, kernel, bounds, surely - rounding * ops.abs(surely))


def _highest(outputs: Any, count: int) -> Any:
    """A number [rows] that at least `count` outputs of each row reach."""
    rows, units = outputs.shape
    count = min(count, units)
    if count > 1:
        padding = [[0, 0], [0, -units % BLOCKS]]
        padded = ops.pad(outputs, padding, constant_values=-float("inf"))
        highest = ops.max(ops.reshape(padded, (rows, BLOCKS, -1)), axis=-1)
        outputs = ops.top_k(highest, count)[0]
        return ops.min(outputs, axis=-1)
    return ops.max(outputs, axis=-1)
