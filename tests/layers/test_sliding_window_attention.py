"""Attention in blocks is attention under a mask that says who sees whom."""

import numpy as np
import pytest
from keras import ops

from hornbook.layers.sliding_window_attention import (
    GlobalTokens,
    SlidingWindowAttention,
    global_positions,
)

WIDTH, HEADS, WINDOW = 6, 2, 3


@pytest.fixture(scope="module")
def layer():
    made = SlidingWindowAttention(HEADS, WIDTH // HEADS, WINDOW, kernel_initializer="he_normal")
    made.build((None, None, WIDTH))
    return made


def array(values):
    return ops.convert_to_numpy(values)


def naive(layer, inputs, real, is_global):
    """One query at a time, with the softmax over the keys that it sees."""

    def project(name):
        brick = getattr(layer, name)
        outputs = inputs @ array(brick.kernel).T + array(brick.bias)
        return outputs.reshape(*inputs.shape[:2], HEADS, -1)

    parts = {n: project(n) for n in ("query", "key", "value")}
    wide = {n: project(f"global_{n}") for n in parts}
    outputs = np.zeros_like(inputs)
    for row, place in np.ndindex(*inputs.shape[:2]):
        positions = np.arange(inputs.shape[1])
        seen, used = (np.abs(positions - place) <= WINDOW) | is_global[row], parts
        if is_global[row, place]:
            seen, used = np.ones_like(seen), wide
        seen = seen & real[row]
        scores = np.einsum("hd,khd->hk", used["query"][row, place], used["key"][row, seen])
        weights = np.exp(scores / (WIDTH // HEADS) ** 0.5)
        weights /= weights.sum(-1, keepdims=True)
        outputs[row, place] = np.einsum("hk,khd->hd", weights, used["value"][row, seen]).reshape(-1)
    brick = layer.output_projection
    return outputs @ array(brick.kernel).T + array(brick.bias)


@pytest.mark.parametrize("length", [1, 4, 9, 10, 12, 31])
@pytest.mark.parametrize("has_global", [False, True])
def test_it_is_attention_under_a_mask(layer, length, has_global):
    generator = np.random.default_rng(length)
    inputs = generator.normal(size=(3, length, WIDTH)).astype("float32")
    lengths = np.array([length, max(length // 2, 1), 1])
    real = np.arange(length) < lengths[:, None]
    is_global = np.zeros((3, length), bool)
    context = None
    if has_global:
        is_global = (generator.random((3, length)) < 0.2) & real
        is_global[0, -1] = True
        given = {"padding_mask": real, "global_positions": global_positions(is_global)}
        context = GlobalTokens()(given)
    outputs = array(layer(inputs, real[:, None, None, :], attention_context=context))
    expected = naive(layer, inputs, real, is_global)
    np.testing.assert_allclose(outputs[real], expected[real], atol=2e-5 * np.abs(expected).max())


def test_padding_has_no_global_attention():
    given = {"padding_mask": np.array([[1, 0]]), "global_positions": np.array([[0, 1]])}
    assert array(GlobalTokens()(given))[0].tolist() == [[True, False], [False, False]]


def test_positions_of_a_mask():
    assert global_positions([[0, 0], [0, 0]]).shape == (2, 0)
    assert global_positions([[0, 1], [1, 1]]).tolist() == [[1, -1], [0, 1]]


def test_no_array_is_as_large_as_length_times_length(layer, monkeypatch):
    from hornbook.layers import sliding_window_attention as module

    sizes = []

    def attend(query, key, value, mask, **options):
        sizes.append(int(np.prod(query.shape[:3])) * key.shape[2])
        return real(query, key, value, mask, **options)

    real = module.dot_product_attention
    monkeypatch.setattr(module, "dot_product_attention", attend)
    for length in (64, 128, 256):
        layer(np.zeros((1, length, WIDTH), "float32"))
    assert sizes[1] / sizes[0] < 2.1
    assert sizes[2] / sizes[1] < 2.1
