import keras
import numpy as np
import pytest
from keras import ops

from hornbook.losses import SparseTokenCrossentropy, token_crossentropy
from hornbook.metrics import Perplexity

LABELS = np.random.default_rng(0).integers(1, 7, (4, 4)).astype("int32")
LOGITS = np.random.default_rng(1).normal(size=(4, 4, 7)).astype("float32")
LOSSES = ops.convert_to_numpy(token_crossentropy(LABELS, LOGITS))


def perplexity(*batch, **arguments):
    metric = Perplexity(**{"from_logits": True, **arguments})
    metric.update_state(*batch)
    return float(metric.result())


def test_it_is_the_exponential_of_the_mean_crossentropy():
    np.testing.assert_allclose(perplexity(LABELS, LOGITS), np.exp(LOSSES.mean()), rtol=1e-6)


def test_probabilities_give_what_logits_give():
    probabilities = ops.softmax(LOGITS, axis=-1)
    actual = perplexity(LABELS, probabilities, from_logits=False)
    np.testing.assert_allclose(actual, perplexity(LABELS, LOGITS), rtol=1e-5)


def test_an_impossible_label_is_finite():
    assert np.isfinite(perplexity([[0]], np.array([[[0.0, 1.0]]], "float32"), from_logits=False))


def test_masked_labels_and_zero_weights_do_not_count():
    labels = LABELS.copy()
    labels[:, 3] = 0
    expected = np.exp(LOSSES[:2, :3].mean())
    actual = perplexity(labels, LOGITS, np.array([1.0, 1.0, 0.0, 0.0]), mask_token_id=0)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_token_weights_are_honoured():
    weights = np.arange(16, dtype="float32").reshape(4, 4)
    expected = np.exp((LOSSES * weights).sum() / weights.sum())
    np.testing.assert_allclose(perplexity(LABELS, LOGITS, weights), expected, rtol=1e-6)


def test_batches_count_by_their_tokens_not_alike():
    metric = Perplexity(from_logits=True)
    metric.update_state(LABELS[:3], LOGITS[:3])
    metric.update_state(LABELS[3:, :1], LOGITS[3:, :1])
    kept = np.concatenate([LOSSES[:3].ravel(), LOSSES[3, :1]])
    np.testing.assert_allclose(float(metric.result()), np.exp(kept.mean()), rtol=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_padding_added_to_a_batch_changes_nothing():
    weights = np.ones((4, 4), "float32")
    padded = perplexity(
        np.pad(LABELS, ((0, 2), (0, 5))),
        np.pad(LOGITS, ((0, 2), (0, 5), (0, 0))),
        np.pad(weights, ((0, 2), (0, 5))),
    )
    np.testing.assert_allclose(padded, perplexity(LABELS, LOGITS, weights), rtol=1e-6)


def test_it_survives_keras_serialization():
    metric = Perplexity(from_logits=True, mask_token_id=3, name="ppl")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert copy.get_config() == metric.get_config()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_evaluation_over_batches_equals_the_whole(jit_compile):
    if jit_compile and keras.backend.backend() == "torch":
        pytest.skip("torch.compile of a step this small costs more than it shows")
    model = keras.Sequential([keras.Input((4, 7)), keras.layers.Activation("linear")])
    model.compile(
        loss=SparseTokenCrossentropy(),
        weighted_metrics=[Perplexity(from_logits=True)],
        jit_compile=jit_compile,
    )
    weights = np.ones((4, 4), "float32")
    weights[1:, 2:] = 0.0
    logs = model.evaluate(
        LOGITS, LABELS, sample_weight=weights, batch_size=2, verbose=0, return_dict=True
    )
    assert logs["perplexity"] == pytest.approx(perplexity(LABELS, LOGITS, weights), rel=1e-5)
    halves = [np.average(LOSSES[rows], weights=weights[rows]) for rows in (slice(2), slice(2, 4))]
    assert logs["loss"] == pytest.approx(np.mean(halves), rel=1e-5)
