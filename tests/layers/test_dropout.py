import keras
import numpy as np
import pytest
from keras import ops

from hornbook.layers.dropout import Dropout
from hornbook.layers.threefry import threefry
from losses.gradients import value_and_gradients

SHAPE = (7, 31, 53)
INPUTS = np.random.default_rng(0).normal(size=SHAPE).astype("f4") + 9  # none is zero


def numpy(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def rotate(words, by):
    return (words << np.uint32(by)) | (words >> np.uint32(32 - by))


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_words_are_those_that_the_generator_s_authors_give(key, counter, expected):
    key, counter = ([np.array([word], "u4") for word in pair] for pair in (key, counter))
    words = threefry(key, counter, rotate, np.uint32)
    assert tuple(int(word[0]) for word in words) == expected


def dropped(layer, inputs=INPUTS):
    """A layer's outputs in training, traced as `fit` traces them."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        traced = tf.function(lambda x: layer(x, training=True), autograph=False)
        return numpy(traced(tf.constant(inputs)))
    return numpy(layer(ops.convert_to_tensor(inputs), training=True))


@pytest.mark.parametrize("rate", [0.0005, 0.1, 0.5, 0.99])
def test_a_share_is_zero_and_the_rest_is_divided(rate):
    layer = Dropout(rate, seed=1)
    outputs = dropped(layer)
    kept = outputs != 0
    deviation = (rate * (1 - rate) / kept.size) ** 0.5
    assert abs((~kept).mean() - rate) < 4 * deviation
    np.testing.assert_allclose(outputs[kept], INPUTS[kept] / (1 - rate), rtol=2e-3)


@pytest.mark.parametrize("axis", range(3))
def test_neighbours_are_dropped_independently(axis):
    kept = dropped(Dropout(0.5, seed=2)) != 0
    first, second = np.take(kept, range(SHAPE[axis] - 1), axis), np.delete(kept, 0, axis)
    assert abs((first == second).mean() - 0.5) < 4 * (0.25 / first.size) ** 0.5
    along = tuple({0, 1, 2} - {axis})
    of_each = kept.mean(along)
    assert (abs(of_each - 0.5) < 5 * (0.25 / (kept.size / SHAPE[axis])) ** 0.5).all()


def test_each_call_drops_others_and_a_seed_drops_the_same():
    layer = Dropout(0.5, seed=3)
    first, second = dropped(layer), dropped(layer)
    assert 0.4 < ((first == 0) == (second == 0)).mean() < 0.6
    np.testing.assert_array_equal(dropped(Dropout(0.5, seed=3)), first)
    assert (dropped(Dropout(0.5, seed=4)) != first).any()


def test_gradients_are_dropped_where_the_outputs_are():
    class SameEachTime(Dropout):
        def next_seed(self):
            is_torch = keras.backend.backend() == "torch"
            return ops.convert_to_tensor([3, 4], "int64" if is_torch else "uint32")

    layer = SameEachTime(0.3, seed=1)
    outputs = dropped(layer)

    def total(x):
        return ops.sum(layer(x, training=True) * ops.convert_to_tensor(INPUTS))

    _, (gradient,) = value_and_gradients(total, INPUTS)
    np.testing.assert_allclose(gradient, outputs, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_so(dtype):
    layer = Dropout(0.5, dtype=dtype, seed=1)
    x = ops.cast(INPUTS, dtype)
    outputs = layer(x, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == dtype
    kept = numpy(outputs) != 0
    assert 0.4 < kept.mean() < 0.6
    np.testing.assert_allclose(numpy(outputs)[kept], 2 * numpy(x)[kept], rtol=1e-3)


def test_nothing_is_dropped_elsewhere():
    inputs = ops.convert_to_tensor(INPUTS)
    for outputs in (Dropout(0.5)(inputs), Dropout(0.0)(inputs, training=True)):
        np.testing.assert_array_equal(numpy(outputs), INPUTS)
    assert not numpy(Dropout(1.0)(inputs, training=True)).any()


def test_noise_has_a_shape_as_in_keras():
    outputs = numpy(Dropout(0.5, noise_shape=(None, 1, 1), seed=1)(INPUTS, training=True))
    assert all(row.all() or not row.any() for row in outputs)


@pytest.mark.backends("tensorflow")
def test_a_length_that_may_be_any_drops_too():
    import tensorflow as tf

    layer = Dropout(0.5, seed=1)
    traced = tf.function(
        lambda x: layer(x, training=True), input_signature=[tf.TensorSpec((None, None, 3))]
    )
    for length in (400, 500):
        outputs = traced(tf.ones((2, length, 3))).numpy()
        assert set(np.unique(outputs)) == {0.0, 2.0}
        assert 0.4 < outputs.mean() / 2 < 0.6
