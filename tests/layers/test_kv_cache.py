import keras
import numpy as np
import pytest
from keras import ops

from hornbook.layers.kv_cache import (
    BITS,
    _write_single,
    as_numbers,
    as_stored,
    caches_in_place,
    replace_slots,
    write_kv,
    write_kv_reference,
)

SHAPES = pytest.mark.parametrize(("batch", "length"), [(1, 1), (3, 1), (3, 4), (1, 4)])


def example(batch, length):
    """A cache, new values for it with their positions, and the cache that they give."""
    heads, slots, head_dim = 2, 11, 5
    random = np.random.default_rng(0)
    cache = random.normal(size=(batch, heads, slots, head_dim)).astype("float32")
    new = random.normal(size=(batch, heads, length, head_dim)).astype("float32")
    positions = random.integers(0, slots - length + 1, size=batch).astype("int32")
    expected = cache.copy()
    for row, position in enumerate(positions):
        expected[row, :, position : position + length] = new[row]

    return [ops.convert_to_tensor(part) for part in (cache, new, positions)], expected


@SHAPES
def test_every_row_is_written_at_its_own_position(batch, length):
    arguments, expected = example(batch, length)
    reference = write_kv_reference(*arguments)
    written = write_kv(*arguments)

    np.testing.assert_array_equal(ops.convert_to_numpy(reference), expected)
    np.testing.assert_array_equal(ops.convert_to_numpy(written), expected)


@pytest.mark.backends("jax")
@pytest.mark.parametrize("length", [1, 4])
def test_what_accelerators_write_of_a_single_row(length):
    (cache, new, positions), expected = example(1, length)
    written = _write_single(cache, new, positions)
    np.testing.assert_array_equal(ops.convert_to_numpy(written), expected)
    scattered = ops.convert_to_tensor(np.array([[9, 2, 7, 0][:length]], "int32"))
    expected = write_kv_reference(cache, new, scattered)
    written = _write_single(cache, new, scattered)
    np.testing.assert_array_equal(ops.convert_to_numpy(written), ops.convert_to_numpy(expected))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's graphs")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@SHAPES
def test_a_graph_writes_where_the_cache_is(batch, length, dtype):
    import tensorflow as tf

    (cache, new, positions), _ = example(batch, length)
    cache = tf.cast(cache, dtype)
    expected = write_kv(cache, new, positions)

    @tf.function(autograph=False)
    def written(*arguments):
        with caches_in_place():
            return write_kv(*arguments)

    for changed in (written(cache, new, positions), cache):
        np.testing.assert_array_equal(changed.numpy(), expected.numpy())


def test_new_values_take_the_cache_dtype():
    cache = ops.zeros((1, 1, 4, 2), dtype="bfloat16")
    written = write_kv(cache, ops.ones((1, 1, 2, 2)), ops.array([1], dtype="int32"))
    assert written.dtype == cache.dtype
    assert ops.convert_to_numpy(ops.cast(written, "float32"))[0, 0, :, 0].tolist() == [0, 1, 1, 0]


@pytest.mark.backends("jax")
def test_a_cache_of_bits_holds_bfloat16():
    cache, positions = ops.zeros((2, 1, 4, 3), dtype=BITS), ops.array([0, 2], dtype="int32")
    new = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 1, 2, 3)), "float32")
    written = write_kv(cache, new, positions)
    assert written.dtype == BITS
    expected = write_kv(ops.cast(cache, "bfloat16"), new, positions)
    np.testing.assert_array_equal(as_numbers(written), expected)
    sources = np.array([[1, -1, -1, 0], [-1, 0, 1, -1]])
    for replaced in (new, as_stored(new, BITS)):  # numbers, and what is stored already
        moved = replace_slots(written, replaced, sources)
        np.testing.assert_array_equal(as_numbers(moved), replace_slots(expected, new, sources))
