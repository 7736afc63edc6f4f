"""Writing new keys and values into a cache whose rows each stand at their own position.

A layer's cache is a pair of tensors [batch, kv heads, slots, head dim]. Every row has its own
position, so the write is one small block per row and never a copy of the whole cache:
`dynamic_update_slice` on JAX (in place when the caller donates the cache), `index_copy_` or
`index_put_` on torch (in place always), a scatter on TensorFlow (in place under XLA, or where
`caches_in_place` allows it).
`write_kv_reference` is the same function in `keras.ops`; the tests hold them equal.
"""

from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

from hornbook.native.attention import BITS
from hornbook.scoped import scoped

_IN_PLACE: ContextVar[bool] = ContextVar("caches are written in place", default=False)


def caches_in_place() -> AbstractContextManager[None]:
    """Lets TensorFlow's graphs write into the caches that they are given, inside.

    A cache that a graph makes itself may be a constant of it, and must not be written to. Nor does
    a graph wait for readers of what is overwritten, unless what is written depends on them, as a
    token depends on all that its predecessor read.
    """
    return scoped(_IN_PLACE, True)


def cache_dtype(compute_dtype: str, is_native: bool = False) -> str:
    """The dtype of a cache of keys and values that are computed in `compute_dtype`.

    It is the same, but for XLA on the CPU: it converts a whole cache in half precision to float32
    and back for each token that is written, and once more to read it. All of JAX is XLA;
    TensorFlow's prompts in bfloat16 aren't, and its driver casts their cache for the tokens.
    Bits XLA moves as they are, so that a cache in bfloat16 can be one of bits where machine code
    reads it.

    Args:
        compute_dtype: of the layer.
        is_native: whether `Attention.reads_bits`.

    Example:
        >>> cache_dtype("float32")
        'float32'
    """
    if is_native and compute_dtype == "bfloat16":
        return BITS
    if keras.backend.backend() == "tensorflow" and compute_dtype == "bfloat16":
        return compute_dtype
    return "float32" if is_xla_on_the_cpu() else compute_dtype


def is_xla_on_the_cpu() -> bool:
    """Whether models run under XLA on the CPU: on JAX or TensorFlow, without an accelerator."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.default_backend() == "cpu"
    if backend == "tensorflow":
        import tensorflow as tf

        return not any(map(tf.config.list_logical_devices, ("GPU", "TPU")))
    return False


def as_stored(numbers: Any, dtype: Any) -> Any:
    """Keys or values as a cache of a dtype holds them: cast, or the bits of bfloat16.

    Those that are bits stay so.
    """
    if not _are_bits(dtype) or _are_bits(numbers.dtype):
        return ops.cast(numbers, dtype)
    from jax.lax import bitcast_convert_type

    return bitcast_convert_type(ops.cast(numbers, "bfloat16"), BITS)


def as_numbers(stored: Any) -> Any:
    """The numbers that a cache holds, as which keras.ops can compute with them."""
    if not _are_bits(stored.dtype):
        return stored
    from jax.lax import bitcast_convert_type

    return bitcast_convert_type(stored, "bfloat16")


def _are_bits(dtype: Any) -> bool:
    return keras.backend.standardize_dtype(dtype) == BITS


def write_kv(cache: Any, new: Any, positions: Any) -> Any:
    """Writes each row's new keys (or values) at that row's position.

    Every slot has to lie inside the cache; nothing checks this, because they are known only at run
    time.

    Args:
        cache: [batch, kv heads, slots, head dim]. On torch, and inside `caches_in_place`, it is
            changed in place; else on JAX and TensorFlow it is left alone.
        new: [batch, kv heads, length, head dim], stored in the cache's dtype.
        positions: int32 [batch], the slot of each row's first new token, which the others follow;
            or [batch, length], the slot of each token.

    Returns:
        The updated cache; on torch, `cache` itself.

    Example:
        >>> cache = ops.zeros((2, 1, 4, 8))
        >>> cache = write_kv(cache, ops.ones((2, 1, 1, 8)), ops.array([0, 3], dtype="int32"))
        >>> ops.convert_to_numpy(cache)[:, 0, :, 0].tolist()
        [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """
    new = as_stored(new, cache.dtype)
    return _WRITERS[keras.backend.backend()](cache, new, positions)


def write_kv_reference(cache: Any, new: Any, positions: Any) -> Any:
    """The plain form of `write_kv`: it reads and writes the whole cache for every call."""
    slots = ops.arange(cache.shape[2], dtype="int32")
    here = slots[None, :, None] == _token_slots(positions, new.shape[2])[:, None, :]
    return replace_slots(cache, new, ops.where(ops.any(here, -1), ops.argmax(here, -1), -1))


def replace_slots(cache: Any, new: Any, sources: Any) -> Any:
    """The cache with other keys (or values) in some slots; it is copied, on torch too.

    Args:
        cache: [batch, kv heads, slots, head dim].
        new: [batch, kv heads, length, head dim], cast to the cache's dtype.
        sources: int [batch, slots], which of the new ones each slot gets; below 0 it stays.
    """
    if not cache.shape[2]:
        return cache
    sources = ops.cast(sources, "int32")[:, None, :, None]
    index = ops.broadcast_to(ops.maximum(sources, 0), (*new.shape[:2], cache.shape[2], 1))
    moved = as_stored(ops.take_along_axis(new, index, axis=2), cache.dtype)
    return ops.where(sources < 0, cache, moved)


def _token_slots(positions: Any, length: int) -> Any:
    """The slot [batch, length] of each token."""
    if len(positions.shape) == 2:
        return positions
    return positions[:, None] + ops.arange(length, dtype="int32")


def _write_jax(cache: Any, new: Any, positions: Any) -> Any:
    import jax
    from jax import lax

    from hornbook.native.xla_calls import has_native_write, native_write

    if has_native_write(cache, new, positions):
        return native_write(cache, new, positions)

    def write(cache: Any) -> Any:
        return jax.vmap(_write_block)(cache, new, positions)

    if cache.shape[0] > 1:
        return write(cache)
    # A single row's write is a plain dynamic_update_slice, which XLA's CPU fusion duplicates into
    # both readers of the cache (attention, and the loop's next turn), copying the cache four times
    # a layer: 8.4 ms a token against 2.5 (30 layers, 512 slots). A branch keeps fusion out; its
    # condition always holds.
    first = positions.reshape(-1)[0]
    return lax.platform_dependent(
        cache,
        cpu=lambda cache: lax.cond(first >= 0, write, lambda cache: cache, cache),
        default=lambda cache: _write_single(cache, new, positions),
    )


def _write_single(cache: Any, new: Any, positions: Any) -> Any:
    """A single row's write; by vmap it costs accelerators a call that reads what is overwritten."""
    return _write_block(cache[0], new[0], positions[0])[None]


def _write_block(cache: Any, new: Any, position: Any) -> Any:
    from jax import lax

    if position.ndim:
        return cache.at[:, position].set(new)
    return lax.dynamic_update_slice(cache, new, (0, position, 0))


def _write_torch(cache: Any, new: Any, positions: Any) -> Any:
    import torch

    batch, _, length, _ = new.shape
    slots = positions
    if positions.ndim == 1:
        slots = positions[:, None] + torch.arange(length, device=cache.device)[None, :]
    if batch == 1:
        return cache.index_copy_(2, slots[0], new)
    rows = torch.arange(batch, device=cache.device)[:, None]
    # With a slice between two index tensors, torch puts the indexed dimensions first.
    cache[rows, :, slots] = new.transpose(1, 2)
    return cache


def _write_tensorflow(cache: Any, new: Any, positions: Any) -> Any:
    import tensorflow as tf

    from hornbook.native.xla_calls import has_native_write, native_write

    if has_native_write(cache, new, positions):
        return native_write(cache, new, positions)
    batch, heads, length, _ = new.shape
    rows = tf.range(batch)[:, None, None]
    head = tf.range(heads)[None, :, None]
    slots = _token_slots(positions, length)[:, None, :]
    if _IN_PLACE.get():
        # The scatter copies the cache wherever it can't tell that nobody reads the old one.
        indices = tf.reshape((rows * heads + head) * cache.shape[2] + slots, (-1,))
        table, values = (tf.reshape(x, (-1, cache.shape[3])) for x in (cache, new))
        return tf.reshape(tf.raw_ops.InplaceUpdate(x=table, i=indices, v=values), cache.shape)
    shape = (batch, heads, length)
    indices = tf.stack([tf.broadcast_to(part, shape) for part in (rows, head, slots)], axis=-1)
    return tf.tensor_scatter_nd_update(cache, indices, new)


_WRITERS = {"jax": _write_jax, "torch": _write_torch, "tensorflow": _write_tensorflow}
