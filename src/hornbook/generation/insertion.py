"""Putting new rows into a running batch, in the backend's own way: the batch is not copied.

Whatever its meaning, the first axis of every tensor of a state goes over the rows, or over the
prompts that several rows each belong to. So a slot is a block of that axis, as large as the same
tensor of a state for one prompt.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
from keras import ops

from hornbook.generation.state import GenerationState


def insert(state: GenerationState, new: GenerationState, slot: int) -> GenerationState:
    """Writes one prompt's rows over those in a slot.

    Args:
        state: of all slots; it must not be used again.
        new: of one prompt, with the places of `state`; its cache may have fewer, and what stands
            in the others stays, which no token can see before it is overwritten.
        slot: which one.
    """
    return GenerationState.from_parts(_inserter()(state.parts(), new.parts(), slot))


def repeat(state: GenerationState, times: int) -> GenerationState:
    """The state with all its rows several times, one after the other."""

    def repeated(tensor: Any) -> Any:
        return ops.tile(tensor, (times, *[1] * (len(tensor.shape) - 1)))

    return GenerationState.from_parts(keras.tree.map_structure(repeated, state.parts()))


def _update(table: Any, new: Any, slot: Any) -> Any:
    return ops.slice_update(table, (slot * new.shape[0], *[0] * (len(new.shape) - 1)), new)


def _updates(parts: Any, new: Any, slot: Any) -> Any:
    return keras.tree.map_structure(lambda table, rows: _update(table, rows, slot), parts, new)


@cache
def _inserter() -> Callable[[Any, Any, int], Any]:
    return {"jax": _jax, "torch": _torch, "tensorflow": _tensorflow}[keras.backend.backend()]()


def _jax() -> Callable[[Any, Any, int], Any]:
    import jax

    return jax.jit(_updates, donate_argnums=0)


def _torch() -> Callable[[Any, Any, int], Any]:
    import torch

    @torch.no_grad()
    def insert(parts: Any, new: Any, slot: int) -> Any:
        (rows, cache), (new_rows, new_cache) = parts, new

        def write(table: Any, new: Any) -> Any:
            block = table[slot * len(new) : (slot + 1) * len(new)]
            block[tuple(slice(size) for size in new.shape)] = new
            return table

        # What belongs to the rows is small, and some of it may be a view of other tensors.
        rows = keras.tree.map_structure(
            lambda table, new: write(table.clone(), new), rows, new_rows
        )
        return rows, keras.tree.map_structure(write, cache, new_cache)

    return insert


def _tensorflow() -> Callable[[Any, Any, int], Any]:
    import tensorflow as tf

    compiled = tf.function(_updates, jit_compile=True, autograph=False)
    return lambda parts, new, slot: compiled(parts, new, tf.constant(slot))
