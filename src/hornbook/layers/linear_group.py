"""Linear layers of the same inputs, multiplied as one where that can be.

A product of one row ends before all threads of a CPU or a GPU have woken up for it, so that fewer
and longer ones are faster; see docs/decisions/joined_kernels.md.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from itertools import accumulate
from types import MappingProxyType
from typing import Any

import keras
from keras import ops

from hornbook.layers.linear import Linear
from hornbook.layers.linear_product import linear_product
from hornbook.scoped import scoped

Group = tuple[Linear, ...]

_JOINED: ContextVar[Mapping[Group, Any]] = ContextVar(
    "joined kernels", default=MappingProxyType({})
)


def linear_products(inputs: Any, group: Group) -> tuple[Any, ...]:
    """What each layer of a group makes of `inputs` [..., inputs]: [..., units] each.

    Inside `joined_kernels`, a group that it names takes a single product; so does a single row on a
    GPU under JAX.

    Example:
        >>> import numpy as np
        >>> layers = Linear(2), Linear(3)
        >>> [outputs.shape for outputs in linear_products(np.ones((1, 4), "float32"), layers)]
        [(1, 2), (1, 3)]
    """
    kernel = _JOINED.get().get(group)
    dtype = group[0].compute_dtype
    if kernel is not None:
        outputs = linear_product(ops.cast(inputs, dtype), ops.cast(kernel, dtype))
        parts = ops.split(outputs, list(accumulate(layer.units for layer in group[:-1])), axis=-1)
    elif _are_summed(inputs, group):
        from hornbook.layers.jax_product import jax_sums

        parts = jax_sums(ops.cast(inputs, dtype), [ops.cast(each.kernel, dtype) for each in group])
    else:
        return tuple(layer(inputs) for layer in group)
    return tuple(
        part + ops.cast(layer.bias, dtype) if layer.use_bias else part
        for layer, part in zip(group, parts, strict=True)
    )


def _are_summed(inputs: Any, group: Group) -> bool:
    if keras.backend.backend() != "jax" or not can_join(group):
        return False
    from hornbook.layers.jax_product import is_summed

    return all(layer.built and is_summed(inputs, layer.kernel) for layer in group)


def joined_kernels(kernels: Mapping[Group, Any]) -> AbstractContextManager[None]:
    """Gives groups their kernels as one tensor [units of all, inputs] each."""
    return scoped(_JOINED, kernels)


def can_join(group: Group) -> bool:
    """Whether the layers' products are those of their kernels, and nothing else."""
    return all(layer.lora_scale is None and not layer.is_quantized for layer in group)
