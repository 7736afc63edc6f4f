import keras
import numpy as np
import pytest
from keras import ops

from hornbook.losses import token_crossentropy
from hornbook.losses.crossentropy import _logsumexp_form
from losses.gradients import gradient

LABELS = np.random.default_rng(0).integers(0, 7, (3, 5)).astype("int32")
LOGITS = np.random.default_rng(1).normal(size=(3, 5, 7)).astype("float32")


def log_softmax(logits):
    shifted = logits.astype("float64") - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("form", [token_crossentropy, _logsumexp_form])
def test_it_is_minus_the_log_softmax_at_the_label(form):
    expected = -np.take_along_axis(log_softmax(LOGITS), LABELS[..., None], axis=-1)[..., 0]
    losses = ops.convert_to_numpy(form(LABELS, LOGITS))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


@pytest.mark.parametrize("form", [token_crossentropy, _logsumexp_form])
def test_its_gradient_is_the_softmax_minus_one_at_the_label(form):
    expected = np.exp(log_softmax(LOGITS)) - np.eye(7)[LABELS]
    actual = gradient(lambda logits: ops.sum(form(LABELS, logits)), LOGITS)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_large_logits_neither_overflow_nor_lose_the_difference():
    losses = token_crossentropy(np.array([0, 1]), np.array([[1e4, 0.0], [1e4, 0.0]], "float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(losses), [0.0, 1e4])


def test_half_precision_logits_give_a_float32_loss():
    losses = token_crossentropy(LABELS, ops.cast(LOGITS, "bfloat16"))
    assert keras.backend.standardize_dtype(losses.dtype) == "float32"
    rounded = ops.convert_to_numpy(ops.cast(ops.cast(LOGITS, "bfloat16"), "float32"))
    np.testing.assert_allclose(
        ops.convert_to_numpy(losses),
        ops.convert_to_numpy(token_crossentropy(LABELS, rounded)),
        rtol=1e-6,
    )


def test_leading_dimensions_are_free():
    assert token_crossentropy(np.int32(3), LOGITS[0, 0]).shape == ()
    flat = token_crossentropy(LABELS.reshape(-1), LOGITS.reshape(-1, 7))
    whole = token_crossentropy(LABELS, LOGITS)
    np.testing.assert_allclose(ops.convert_to_numpy(flat), ops.convert_to_numpy(whole).reshape(-1))
