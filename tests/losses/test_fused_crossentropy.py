import numpy as np
import pytest
from keras import ops

from hornbook.losses import SparseTokenCrossentropy
from hornbook.losses.fused_crossentropy import fused_crossentropy
from hornbook.losses.fused_crossentropy.in_place import probabilities_in_place
from hornbook.losses.projected_logits import ProjectedLogits
from hornbook.metrics import Perplexity
from losses.gradients import value_and_gradients

RNG = np.random.default_rng(0)


def plain(hidden, kernel, bias, labels, weights):
    """The formula, and its gradients, in numpy and double precision."""
    hidden, kernel = hidden.astype("f8"), kernel.astype("f8")
    logits = hidden @ kernel.T + bias
    logits -= logits.max(-1, keepdims=True)
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    hits = np.eye(len(kernel))[labels]
    losses = -np.log((probabilities * hits).sum(-1))
    gradient = (probabilities - hits) * weights[..., None]
    kernel_gradient = np.einsum("blv,bld->vd", gradient, hidden)
    gradients = (gradient @ kernel, kernel_gradient, gradient.sum((0, 1)))
    return (losses * weights).sum(), losses, gradients


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("piece_tokens", [1, 12, 512])
def test_value_and_gradients_are_those_of_the_formula(piece_tokens, with_bias):
    hidden = RNG.normal(size=(3, 11, 6)).astype("f4")
    kernel = RNG.normal(size=(9, 6)).astype("f4")
    bias = RNG.normal(size=9).astype("f4")
    labels = RNG.integers(0, 9, (3, 11)).astype("i4")
    weights = RNG.random((3, 11)).astype("f4")
    weights[1, 5:] = 0.0
    total, losses, expected = plain(hidden, kernel, bias * with_bias, labels, weights)

    def three_times(hidden, kernel, bias=None):
        return 3.0 * fused_crossentropy(hidden, kernel, labels, weights, bias, piece_tokens)[0]

    factors = (hidden, kernel, bias) if with_bias else (hidden, kernel)
    value, gradients = value_and_gradients(three_times, *factors)
    np.testing.assert_allclose(value, 3 * total, rtol=1e-5)
    for ours, theirs in zip(gradients, expected, strict=False):
        np.testing.assert_allclose(ours, 3 * theirs, atol=1e-5)
    tensors = [ops.convert_to_tensor(x) for x in (hidden, kernel, labels, weights)]
    bias = ops.convert_to_tensor(bias) if with_bias else None
    ours = fused_crossentropy(*tensors, bias, piece_tokens)[1]
    np.testing.assert_allclose(ops.convert_to_numpy(ours), losses, atol=1e-5)


@pytest.mark.backends("tensorflow")
def test_probabilities_may_become_their_gradient_in_place():
    """Also where a label's probability is 0."""
    import tensorflow as tf

    hidden = RNG.normal(size=(2, 5, 6)).astype("f4")
    kernel = RNG.normal(size=(9, 6)).astype("f4")
    kernel[3] = -1e3 * hidden[0, 1]
    labels = RNG.integers(0, 9, (2, 5)).astype("i4")
    labels[0, 1] = 3
    weights = RNG.random((2, 5)).astype("f4")

    def total(hidden, kernel):
        return fused_crossentropy(hidden, kernel, labels, weights, piece_tokens=4)[0]

    @tf.function
    def in_graph(hidden, kernel):
        with tf.GradientTape() as tape:
            tape.watch((hidden, kernel))
            value = total(hidden, kernel)
        return value, tape.gradient(value, (hidden, kernel))

    expected = value_and_gradients(total, hidden, kernel)
    with probabilities_in_place(True):
        value, gradients = in_graph(tf.constant(hidden), tf.constant(kernel))
    np.testing.assert_allclose(value, expected[0], rtol=1e-6)
    for ours, theirs in zip(gradients, expected[1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_large_logits_do_not_overflow():
    hidden, kernel = ops.full((1, 1, 2), 300.0), ops.convert_to_tensor([[1.0, 1.0], [0.0, 0.0]])
    labels = ops.ones((1, 1), dtype="int32")
    total, _ = fused_crossentropy(hidden, kernel, labels, ops.ones((1, 1)))
    assert float(total) == pytest.approx(600.0)


def test_loss_and_perplexity_share_one_pass(monkeypatch):
    logits = ProjectedLogits(
        ops.ones((2, 3, 4)), ops.convert_to_tensor(RNG.normal(size=(7, 4)).astype("f4"))
    )
    labels = np.array([[1, 2, -100], [3, -100, -100]])
    loss, perplexity = (
        SparseTokenCrossentropy(-100),
        Perplexity(from_logits=True, mask_token_id=-100),
    )
    whole = logits.logits()
    value = float(loss(labels, logits))
    monkeypatch.setattr(ProjectedLogits, "logits", lambda _: pytest.fail("made the logits again"))
    perplexity.update_state(labels, logits)
    assert value == pytest.approx(float(loss(labels, whole)), rel=1e-5)
    assert float(perplexity.result()) == pytest.approx(np.exp(value), rel=1e-4)
