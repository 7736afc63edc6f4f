"""The likeliest outputs of a product, against the product."""

import keras
import numpy as np
import pytest
from keras import ops

from hornbook.generation.drivers.kernel_codes import kernel_codes
from hornbook.layers import Linear, ReversibleEmbedding
from hornbook.layers.likeliest_product import (
    MOST_ASKED,
    Asked,
    Codes,
    likeliest_product,
    only_likeliest,
)
from hornbook.native.calls import backend_calls
from hornbook.native.processor import this_processor

pytestmark = [
    pytest.mark.backends("jax", "torch"),
    pytest.mark.skipif(this_processor() is None, reason="no machine code for this processor"),
]
RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def numbers(tensor):
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))


def codes_of(kernel):
    return Codes(*map(ops.convert_to_tensor, kernel_codes(numbers(kernel))))


def outlying():
    """A column a thousand times as large, as some models' are."""
    kernel = normal(500, 96)
    kernel[:, 7] *= 1000
    return kernel


def alike():
    """Rows that differ by less than the codes can tell, and rows that are the same."""
    kernel = np.repeat(normal(1, 96), 500, axis=0)
    kernel[::2] *= 1 + 1e-6 * RNG.random((250, 1)).astype("float32")
    return kernel


KERNELS = {
    "normal": lambda: normal(500, 96),
    "few": lambda: normal(7, 5),
    "more than blocks": lambda: normal(129, 16),
    "zero": lambda: np.zeros((500, 96), "float32"),
    "tiny": lambda: np.float32(1e-41) * normal(500, 96),
    "huge": lambda: np.float32(1e17) * normal(500, 96),
    "outlying": outlying,
    "alike": alike,
    "of many sizes": lambda: normal(500, 96) * np.exp(4 * normal(500, 1)),
}


@pytest.mark.parametrize("count", [1, 5, MOST_ASKED])
@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_highest_outputs_are_there(kind, dtype, count):
    kernel = ops.cast(KERNELS[kind](), dtype)
    inputs = ops.cast(np.concatenate([normal(4, kernel.shape[1]), numbers(kernel)[:2]]), dtype)
    everything = ops.convert_to_tensor(np.float32(np.inf) * np.ones((6, len(kernel)), "float32"))
    least = ops.zeros(6)
    whole = numbers(backend_calls().native_likeliest(inputs, kernel, everything, least))
    made = numbers(likeliest_product(inputs, kernel, count, codes_of(kernel)))
    is_there = np.isfinite(made)
    np.testing.assert_array_equal(made[is_there], whole[is_there])
    for row, own, there in zip(whole, made, is_there, strict=True):
        # All that are as high as the last one asked for, so that ties are the same.
        assert there[row >= np.sort(row)[-min(count, len(row))]].all()
        assert np.argmax(row) == np.argmax(own)


def test_only_a_few_are_there():
    kernel = normal(5000, 576)
    inputs, kernel = map(ops.convert_to_tensor, (normal(8, 576), kernel))
    made = numbers(likeliest_product(inputs, kernel, 1, codes_of(kernel)))
    assert np.isfinite(made).sum(axis=1).max() < 50


def test_numbers_that_are_not_finite_have_no_codes():
    for number in (np.inf, np.nan):
        kernel = normal(5, 7)
        kernel[3, 2] = number
        assert kernel_codes(kernel) is None


def test_layers_that_are_named():
    inputs = normal(2, 1, 96)
    embedding = ReversibleEmbedding(500, 96)
    embedding.build()
    head, other = Linear(500, use_bias=False), Linear(500)
    whole = [numbers(layer(inputs)) for layer in (head, other)]
    whole.append(numbers(embedding(inputs, reverse=True)))
    layers = {
        head: Asked(1, codes_of(head.kernel)),
        embedding: Asked(1, codes_of(embedding.embeddings)),
    }
    with only_likeliest(layers):
        made = [numbers(layer(inputs)) for layer in (head, other)]
        made.append(numbers(embedding(inputs, reverse=True)))
    for own, all_ in zip(made, whole, strict=True):
        assert own.shape == all_.shape
        np.testing.assert_array_equal(own.argmax(-1), all_.argmax(-1))
    assert [np.isinf(own).any() for own in made] == [True, False, True]
    assert keras.backend.is_float_dtype(keras.backend.standardize_dtype(made[0].dtype))
