"""Putting new rows into a running batch, in the backend's own way: the batch is not copied.

And taking slots out of one, which makes a smaller one, or one with more.

Whatever its meaning, the first axis of every tensor of a state goes over the rows, or over the
prompts that several rows each belong to. So a slot is a block of that axis, as large as the same
tensor of a state for one prompt.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops

from hornbook.generation.state import GenerationState


def insert(state: GenerationState, new: GenerationState, slot: int) -> GenerationState:
    """Writes one prompt's rows over those in a slot.

    Args:
        state: of all slots; it must not be used again.
        new: of one prompt, with the places of `state`; its cache may have another dtype and fewer
            places, and what stands in the others stays, which no token can see before it is
            overwritten.
        slot: which one.
    """
    return GenerationState.from_parts(_inserter()(state.parts(), new.parts(), slot))


def gather(state: GenerationState, slots: Sequence[int], size: int) -> GenerationState:
    """A state of other slots: of `slots[i]` in slot i.

    Args:
        state: of `size` slots.
        slots: which ones; they may repeat.
        size: how many there are.
    """
    return GenerationState.from_parts(_gatherer()(state.parts(), np.array(slots, np.int32), size))


def _taken(parts: Any, slots: Any, size: int) -> Any:
    def taken(table: Any) -> Any:
        block = table.shape[0] // size
        rows = slots[:, None] * block + ops.arange(block, dtype="int32")
        return ops.take(table, ops.reshape(rows, (-1,)), axis=0)

    return keras.tree.map_structure(taken, parts)


@cache
def _gatherer() -> Callable[[Any, Any, int], Any]:
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(_taken, static_argnums=2)
    if keras.backend.backend() == "torch":
        import torch

        return torch.no_grad()(
            lambda parts, slots, size: _taken(parts, ops.convert_to_tensor(slots), size)
        )
    return lambda parts, slots, size: _taken(parts, ops.convert_to_tensor(slots), size)


def _update(table: Any, new: Any, slot: Any) -> Any:
    start = (slot * new.shape[0], *[0] * (len(new.shape) - 1))
    return ops.slice_update(table, start, ops.cast(new, table.dtype))


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
