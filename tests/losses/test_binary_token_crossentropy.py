import keras
import numpy as np
import pytest

from hornbook.losses import BinaryTokenCrossentropy

LABELS = np.random.default_rng(0).integers(0, 2, (3, 3)).astype("int32")
LOGITS = np.random.default_rng(1).normal(size=(3, 3)).astype("float32")
SIGMOID = 1 / (1 + np.exp(-LOGITS))
LOSSES = -np.log(np.where(LABELS == 1, SIGMOID, 1 - SIGMOID))


def test_without_weights_it_is_the_mean_over_tokens():
    assert float(BinaryTokenCrossentropy()(LABELS, LOGITS)) == pytest.approx(LOSSES.mean())


def test_padding_does_not_dilute_it():
    weights = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], "float32")
    loss = float(BinaryTokenCrossentropy()(LABELS, LOGITS, weights))
    assert loss == pytest.approx(LOSSES[weights > 0].mean())


# The batch is as long as the sequence, so a weight broadcast along the wrong axis would not raise.
def test_a_weight_for_each_row_weighs_the_rows_tokens():
    loss = float(BinaryTokenCrossentropy()(LABELS, LOGITS, np.array([1.0, 0.0, 3.0])))
    assert loss == pytest.approx((LOSSES[0].mean() + 3 * LOSSES[2].mean()) / 4)


def test_it_is_finite_for_any_logit_and_survives_keras_serialization():
    loss = BinaryTokenCrossentropy(name="tokens")
    assert float(loss(np.array([[1, 0]]), np.array([[-200.0, 200.0]]))) == pytest.approx(200)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert copy.get_config() == loss.get_config()
