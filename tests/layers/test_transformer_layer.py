"""Where a layer's norms stand, and what its parts read."""

import numpy as np
import pytest
from keras import ops

from hornbook.layers import Attention, FeedForward, RMSNormalization, TransformerLayer

X = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 3, 8)).astype("f4"))


def made(*, names=("attention_norm", "feed_forward_norm"), **options):
    norms = dict.fromkeys(("attention_norm", "feed_forward_norm"))
    norms |= {name: RMSNormalization(0.1, name=name) for name in names}
    layer = TransformerLayer(
        attention=Attention(2, 1, 4), feed_forward=FeedForward(9, "relu"), **norms, **options
    )
    layer(X)
    rng = np.random.default_rng(1)
    for name in names:
        getattr(layer, name).scale.assign(rng.normal(size=8))
    return layer


def same(layer, expected):
    expected = ops.convert_to_numpy(expected)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(X)), expected, atol=1e-5)
    again = TransformerLayer.from_config(layer.get_config())
    again(X)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(ops.convert_to_numpy(again(X)), expected, atol=1e-5)


def test_norms_first():
    layer = made()
    x = X + layer.attention(layer.attention_norm(X))
    same(layer, x + layer.feed_forward(layer.feed_forward_norm(x)))


def test_norms_last():
    layer = made(norm_first=False)
    x = layer.attention_norm(X + layer.attention(X))
    same(layer, layer.feed_forward_norm(x + layer.feed_forward(x)))


def test_norms_of_outputs_beside_the_others_and_alone():
    outputs = ("attention_output_norm", "feed_forward_output_norm")
    layer = made(names=("attention_norm", "feed_forward_norm", *outputs))
    x = X + layer.attention_output_norm(layer.attention(layer.attention_norm(X)))
    fed = layer.feed_forward(layer.feed_forward_norm(x))
    same(layer, x + layer.feed_forward_output_norm(fed))
    layer = made(names=outputs)
    x = X + layer.attention_output_norm(layer.attention(X))
    same(layer, x + layer.feed_forward_output_norm(layer.feed_forward(x)))


def test_parallel_parts_read_the_inputs_with_two_norms_or_one():
    layer = made(parallel=True)
    attended = layer.attention(layer.attention_norm(X))
    same(layer, X + attended + layer.feed_forward(layer.feed_forward_norm(X)))
    layer = made(names=("attention_norm",), parallel=True)
    normed = layer.attention_norm(X)
    same(layer, X + layer.attention(normed) + layer.feed_forward(normed))


def test_parallel_parts_after_which_a_norm_stands_are_refused():
    with pytest.raises(ValueError, match="Parallel parts need norm_first=True"):
        made(parallel=True, norm_first=False)
