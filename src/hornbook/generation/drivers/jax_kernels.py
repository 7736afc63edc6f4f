"""Kernels and vectors side by side in the memory of JAX's CPU backend."""

import operator
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import keras
import numpy as np

from hornbook.backbones.weight_memory import weight_memory
from hornbook.generation.drivers.kernel_codes import Access, KernelCodes
from hornbook.generation.language_model import layers_of
from hornbook.layers.kv_cache import is_xla_on_the_cpu
from hornbook.layers.likeliest_product import Codes, only_likeliest
from hornbook.layers.linear_group import Group, can_join, joined_kernels
from hornbook.native.scope import machine_code
from hornbook.native.xla_calls import has_native_likeliest
from hornbook.samplers import Sampler

Values = tuple[list[jax.Array], list[jax.Array], list[jax.Array], Codes | None]
"""Of single variables, of kernels that are joined, of vectors that are, and of a vocabulary in 8
bits."""


class Weights:
    """A model's variables as arguments of jitted programs.

    On the CPU, kernels that are multiplied by the same inputs are one argument. They lie side by
    side, and the variables' own values are parts of the same memory. A variable that got another
    value since, in training for example, is copied to its place again. All vectors, such as biases
    and norms, are an argument too, of copies: each argument costs the time to hand it over.

    Args:
        model: layers tell by `linear_groups` what they multiply by the same inputs.
        variables: all that the programs depend on.
        sampler: asks for a few of the likeliest tokens, or for all.
    """

    def __init__(self, model: Any, variables: Sequence[Any], sampler: Sampler) -> None:
        access = Access(has_native_likeliest, np.asarray, jax.device_put)
        self._codes = KernelCodes(model, sampler, access)
        self._groups = _groups(model)
        self._vectors = [_Vectors(some) for some in _vectors(variables)]
        joined = {id(layer.kernel) for group in self._groups for layer in group}
        joined |= {id(variable) for vectors in self._vectors for variable in vectors.variables}
        self._others = [variable for variable in variables if id(variable) not in joined]

    def values(self, rows: int = 0) -> Values:
        """The current values, for a step of so many rows or for something else."""
        return (
            [variable.value for variable in self._others],
            list(map(_joined, self._groups)),
            [vectors.value() for vectors in self._vectors],
            self._codes.of(rows) if rows else None,
        )

    @contextmanager
    def scope(
        self, values: Values, more: Sequence[tuple[Any, Any]] = ()
    ) -> Iterator[keras.StatelessScope]:
        """The model computes with such values inside, and each variable of `more` has its own."""
        others, kernels, joined_vectors, codes = values
        mapping = [*zip(self._others, others, strict=True), *more]
        for group, kernel in zip(self._groups, kernels, strict=True):
            start = 0
            for layer in group:
                # Only what is outside `linear_products` reads this slice, and pays for it.
                mapping.append((layer.kernel, kernel[start : start + layer.units]))
                start += layer.units
        for vectors, joined in zip(self._vectors, joined_vectors, strict=True):
            mapping += vectors.parts(joined)
        with (
            machine_code(),
            joined_kernels(dict(zip(self._groups, kernels, strict=True))),
            only_likeliest(self._codes.asked(codes)),
            keras.StatelessScope(state_mapping=mapping) as scope,
        ):
            yield scope


class _Vectors:
    """Vectors of one dtype, one after the other in a copy."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self.variables = variables
        self._copied: list[Any] = []
        self._copy: Any = None

    def value(self) -> jax.Array:
        """The current values, copied when one of them is another array than before."""
        values = [variable.value for variable in self.variables]
        if len(values) != len(self._copied) or any(map(operator.is_not, values, self._copied)):
            self._copied, self._copy = values, jax.device_put(np.concatenate(values))
        return self._copy

    def parts(self, joined: Any) -> Iterator[tuple[Any, Any]]:
        """Each variable and its value."""
        start = 0
        for variable in self.variables:
            end = start + variable.shape[0]
            yield variable, joined[start:end]
            start = end


@dataclass(frozen=True)
class _Held:
    """A joined kernel, and the variables' values that are parts of it."""

    kernel: jax.Array
    parts: Sequence[weakref.ref[jax.Array]]

    def holds(self, values: Sequence[Any]) -> bool:
        return all(part() is value for part, value in zip(self.parts, values, strict=True))


# By a group's first layer.
_HELD: weakref.WeakKeyDictionary[Any, _Held] = weakref.WeakKeyDictionary()


def _groups(model: Any) -> list[Group]:
    if not is_xla_on_the_cpu():
        return []
    groups = [
        group
        for layer in dict.fromkeys(layers_of(model))
        for group in getattr(layer, "linear_groups", ())
    ]
    return [group for group in groups if can_join(group) and _can_lie_together(group)]


def _vectors(variables: Sequence[Any]) -> list[list[Any]]:
    """The vectors of each dtype, where they can be joined."""
    if not is_xla_on_the_cpu():
        return []
    by_dtype: dict[str, list[Any]] = {}
    for variable in variables:
        if len(variable.shape) == 1 and len(variable.value.devices()) == 1:
            by_dtype.setdefault(variable.dtype, []).append(variable)
    return list(by_dtype.values())


def _can_lie_together(group: Group) -> bool:
    kernels = [layer.kernel.value for layer in group]
    same = {(kernel.dtype, kernel.shape[1]) for kernel in kernels}
    return len(same) == 1 and all(len(kernel.devices()) == 1 for kernel in kernels)


def _joined(group: Group) -> jax.Array:
    held = _HELD.get(group[0])
    values = [layer.kernel.value for layer in group]
    if held is not None and held.holds(values):
        return held.kernel
    rows = sum(layer.units for layer in group)
    memory = weight_memory((rows, values[0].shape[1]), values[0].dtype)
    np.concatenate(values, out=memory)
    del values
    start, parts = 0, []
    for layer in group:
        # XLA takes memory as it is where it is aligned, and copies it where it isn't.
        layer.kernel.assign(jax.device_put(memory[start : start + layer.units]))
        start += layer.units
        parts.append(weakref.ref(layer.kernel.value, _Forget(group[0])))
    held = _HELD[group[0]] = _Held(jax.device_put(memory), parts)
    return held.kernel


class _Forget:
    """Lets a joined kernel go as soon as one of its parts is no variable's value any more."""

    def __init__(self, layer: Any) -> None:
        self.layer = weakref.ref(layer)

    def __call__(self, part: weakref.ref[Any]) -> None:
        layer = self.layer()
        held = None if layer is None else _HELD.get(layer)
        if held is not None and any(part is own for own in held.parts):
            del _HELD[layer]
