import keras
import numpy as np
import pytest
from keras import ops

from hornbook.losses import SparseTokenCrossentropy, token_crossentropy

LABELS = np.random.default_rng(0).integers(1, 7, (4, 4)).astype("int32")
LOGITS = np.random.default_rng(1).normal(size=(4, 4, 7)).astype("float32")
LOSSES = ops.convert_to_numpy(token_crossentropy(LABELS, LOGITS))


def test_without_weights_it_is_the_mean_over_tokens():
    np.testing.assert_allclose(float(SparseTokenCrossentropy()(LABELS, LOGITS)), LOSSES.mean())


def test_padding_does_not_dilute_it():
    weights = np.zeros((4, 4), "float32")
    weights[0, :3] = 1.0
    loss = float(SparseTokenCrossentropy()(LABELS, LOGITS, weights))
    np.testing.assert_allclose(loss, LOSSES[0, :3].mean(), rtol=1e-6)


# The batch is as long as the sequence, so a weight broadcast along the wrong axis would not raise.
def test_a_weight_for_each_row_weighs_the_rows_tokens():
    loss = float(SparseTokenCrossentropy()(LABELS, LOGITS, np.array([1.0, 0.0, 3.0, 0.0])))
    np.testing.assert_allclose(loss, (LOSSES[0].mean() + 3 * LOSSES[2].mean()) / 4, rtol=1e-6)


@pytest.mark.parametrize("masked", [0, -100])
def test_a_masked_label_does_not_count_even_outside_the_vocabulary(masked):
    labels = LABELS.copy()
    labels[:, 2:] = masked
    loss = float(SparseTokenCrossentropy(mask_token_id=masked)(labels, LOGITS))
    np.testing.assert_allclose(loss, LOSSES[:, :2].mean(), rtol=1e-6)


def test_a_batch_of_padding_alone_has_no_loss():
    assert float(SparseTokenCrossentropy()(LABELS, LOGITS, np.zeros((4, 4)))) == 0.0


def test_ids_survive_a_low_precision_default_dtype():
    logits = np.zeros((1, 1, 1000), "float32")
    logits[0, 0, 999] = 20.0
    keras.config.set_floatx("bfloat16")
    try:
        loss = float(SparseTokenCrossentropy()(np.array([[999]]), logits))
    finally:
        keras.config.set_floatx("float32")
    assert loss < 1e-3


def test_it_survives_keras_serialization():
    loss = SparseTokenCrossentropy(mask_token_id=3, name="tokens")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert copy.get_config() == loss.get_config()
