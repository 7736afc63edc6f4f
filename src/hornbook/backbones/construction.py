"""How models are made: under a dtype policy, and without values when a checkpoint brings them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state

from hornbook.backbones.weight_memory import weight_memory

UNINITIALIZED = "uninitialized_variables"


@contextmanager
def dtype_policy(policy: Any) -> Iterator[None]:
    """Makes the layers created inside use a dtype policy; None leaves Keras's default."""
    if policy is None:
        yield
        return
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(keras.dtype_policies.get(policy))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def without_values() -> Iterator[None]:
    """Creates the variables inside without computing or allocating their values.

    `set_value` or `initialize` gives them one later; using a model before that is an error.
    """
    # Keras keeps the variables made in a stateless scope in a global list, to fill at its end.
    before = list(global_state.get_global_attribute(UNINITIALIZED) or [])
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute(UNINITIALIZED, before)


def creates_values() -> bool:
    """Whether variables made now get values; False inside `without_values`."""
    return global_state.get_global_attribute("stateless_scope") is None


def set_value(variable: keras.Variable, value: np.ndarray) -> None:
    """Gives a variable made `without_values` a copy of `value`, in the variable's dtype."""
    variable._initialize(_backend_copy(value, variable.dtype))
    variable._initializer = None


def initialize(variables: Iterable[keras.Variable]) -> None:
    """Runs the initializers of the variables that have no value yet."""
    for variable in variables:
        if variable._value is None:
            variable._deferred_initialize()


def _backend_copy(value: np.ndarray, dtype: str) -> Any:
    """A backend tensor that owns its memory, converted with at most one copy of this tensor."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        # `value` can be a file's mapping or be written to next, and `device_put` reads it later
        # or, where it happens to be aligned, keeps it, whatever `may_alias` says.
        copy = weight_memory(value.shape, dtype)
        np.copyto(copy, value, casting="unsafe")
        return jax.device_put(copy)
    if backend == "torch":
        return _torch_copy(value, dtype)
    return keras.ops.convert_to_tensor(np.array(value), dtype=dtype)


def _torch_copy(value: np.ndarray, dtype: str) -> Any:
    import torch
    from keras.src.backend.torch.core import get_device, to_torch_dtype

    def tensor_of(array: np.ndarray) -> Any:
        is_half = array.dtype == "bfloat16"
        tensor = torch.from_numpy(array.view(np.int16) if is_half else array)
        return tensor.view(torch.bfloat16) if is_half else tensor

    if get_device() != "cpu":
        return tensor_of(np.array(value)).to(get_device()).to(to_torch_dtype(dtype))
    memory = weight_memory(value.shape, dtype)
    if value.dtype != memory.dtype and value.dtype in ("float32", "float16", "bfloat16"):
        # torch converts faster than numpy
        return tensor_of(memory).copy_(tensor_of(np.array(value)))
    np.copyto(memory, value, casting="unsafe")
    return tensor_of(memory)
