"""The likeliest tokens, and that nothing sorts a vocabulary to find them."""

import keras
import numpy as np
import pytest
from keras import ops

from hornbook import samplers
from hornbook.samplers.likeliest import likeliest

RNG = np.random.default_rng(4)


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (8, 50257)])
def test_the_first_of_the_highest(shape):
    scores = RNG.integers(0, max(2, shape[1] // 3), size=shape).astype("float32")
    scores[0] = -np.inf
    found = likeliest(ops.convert_to_tensor(scores))
    assert keras.backend.standardize_dtype(found.dtype) == "int32"
    np.testing.assert_array_equal(ops.convert_to_numpy(found), scores.argmax(-1))


def test_a_row_without_a_highest_gives_an_index_all_the_same():
    scores = ops.convert_to_tensor(np.array([[np.nan, 1.0, 2.0], [1.0, 3.0, 2.0]], "float32"))
    found = ops.convert_to_numpy(likeliest(scores))
    assert 0 <= found[0] < 3
    assert found[1] == 1


def compiled(function, *inputs):
    """What XLA makes of a function, as text."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function).lower(*inputs).compile().as_text()
    import tensorflow as tf

    graph = tf.function(function, jit_compile=True, autograph=False)
    return graph.experimental_get_compiler_ir(*inputs)(stage="optimized_hlo")


@pytest.mark.backends("jax", "tensorflow")
@pytest.mark.parametrize(
    "sampler",
    [
        samplers.GreedySampler(),
        samplers.RandomSampler(),
        samplers.TopKSampler(k=20),
        samplers.TopPSampler(p=0.9),
        samplers.TopPSampler(p=0.9, k=20),
        samplers.MinPSampler(p=0.1),
    ],
    ids=repr,
)
def test_xla_sorts_no_vocabulary(sampler):
    logits = ops.convert_to_tensor(RNG.normal(size=(2, 3000)).astype("float32"))
    text = compiled(sampler.next_tokens, logits, ops.convert_to_tensor(np.float32([0.2, 0.7])))
    assert "sort(" not in text


@pytest.mark.backends("jax", "tensorflow")
def test_a_slice_of_the_likeliest_makes_xla_sort_them():
    """The trap that the test above is for."""

    def first(scores):
        best, tokens = ops.top_k(scores, 20)
        return best - best[:, :1], tokens

    scores = ops.convert_to_tensor(RNG.normal(size=(2, 3000)).astype("float32"))
    assert "sort(" in compiled(first, scores)
