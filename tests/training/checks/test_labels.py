import keras
import numpy as np
import pytest

from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics import Perplexity
from hornbook.training import preflight

pytestmark = pytest.mark.backend_free


def message(model, *data):
    (finding,) = preflight(model, *data)
    return finding.message


def perplexity(mask_token_id=None):
    return Perplexity(from_logits=True, mask_token_id=mask_token_id)


def test_labels_that_are_the_inputs(bigrams, codes, rows):
    ids, labels = rows
    assert codes(bigrams(), ids, ids) == ["labels_not_shifted"]
    assert codes(bigrams(), ids, labels) == []
    # Nothing can be said of labels that are all alike, nor of ones for whole rows.
    assert codes(bigrams(), np.ones((2, 4), "int32"), np.ones((2, 4), "int32")) == []


def test_labels_that_are_the_inputs_where_they_count(bigrams, codes, rows):
    ids, labels = rows
    weights = np.ones(ids.shape)
    weights[:, 4:] = 0
    labels = np.where(weights, ids, labels)
    assert codes(bigrams(), ids, labels) == []
    assert codes(bigrams(), ids, labels, weights) == ["labels_not_shifted"]


def test_no_label_that_counts(bigrams, codes, rows):
    ids, labels = rows
    assert codes(bigrams(), ids, labels, np.zeros(3)) == ["labels_all_masked"]
    assert codes(bigrams(), ids, labels, np.array([0, 0, 1])) == []
    masked = SparseTokenCrossentropy(mask_token_id=-100)
    assert codes(bigrams(loss=masked), ids, np.full_like(labels, -100)) == ["labels_all_masked"]


@pytest.mark.parametrize("wrong", [12, -1])
def test_ids_outside_the_vocabulary(bigrams, codes, rows, wrong):
    ids, labels = (array.copy() for array in rows)
    ids[1, 2] = wrong
    (finding,) = preflight(bigrams(), ids, labels)
    assert (finding.code, finding.severity) == ("id_outside_vocabulary", "error")
    assert f"Token id {wrong} is outside the model's vocabulary of 12" in finding.message
    labels[1, 2] = wrong
    assert "Label" in message(bigrams(), rows[0], labels)


def test_labels_outside_the_vocabulary_that_do_not_count_are_right(bigrams, codes, rows):
    ids, labels = rows
    labels = np.where(labels == 1, -100, labels)
    assert codes(bigrams(loss=SparseTokenCrossentropy(mask_token_id=-100)), ids, labels) == []
    ignoring = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-100)
    assert codes(bigrams(loss=ignoring), ids, labels) == []
    assert codes(bigrams(), ids, labels, labels != -100) == []
    assert codes(bigrams(), ids, labels) == ["id_outside_vocabulary"]


def test_a_tasks_vocabulary_is_its_backbones(decoder, codes, rows):
    ids, labels = rows[0][:1], rows[1][:1]
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    assert codes(decoder, inputs, labels) == ["id_outside_vocabulary"] * 2
    assert codes(decoder, {**inputs, "token_ids": ids % 8}, labels % 8) == []


def test_a_perplexity_that_masks_another_token_than_padding(bigrams, rows):
    text = message(bigrams(metrics=[perplexity(0)]), *rows)
    # 24 labels, of which two are token 0; 8 of the others are padding: runs less their first.
    assert "Perplexity masks token 0, but padding is token 1" in text
    assert "36% of the labels it counts" in text
    assert "mask_token_id=1" in text
    assert preflight(bigrams(metrics=[perplexity(1)]), *rows) == []


def test_a_metric_that_gets_no_weights_counts_padding(bigrams, codes, rows):
    weights = (rows[1] != 1).astype("float32")
    weighted = bigrams(weighted_metrics=[perplexity()])
    assert codes(weighted, *rows, weights) == []
    assert codes(weighted, *rows) == ["padding_counts"]
    unweighted = bigrams(metrics=[perplexity()])
    assert codes(unweighted, *rows, weights) == ["padding_counts"]
    assert "list it under weighted_metrics" in message(unweighted, *rows, weights)


def test_an_end_token_that_fills_up_may_count_once(bigrams, codes, rows):
    weights = (rows[1] != 1).astype("float32")
    weights[1, 4] = weights[2, 2] = 1  # the end of the text, which is to be predicted
    assert codes(bigrams(weighted_metrics=[perplexity()]), *rows, weights) == []


def test_a_token_of_the_text_that_is_left_out(bigrams, rows):
    weights = (rows[1] != 1).astype("float32")
    inputs = bigrams(weighted_metrics=[perplexity(0)])
    assert "leaves out token 0, which is text" in message(inputs, *rows, weights)
    loss = SparseTokenCrossentropy(mask_token_id=0)
    assert "SparseTokenCrossentropy leaves out token 0" in message(
        bigrams(loss=loss), *rows, weights
    )


def test_the_padding_mask_says_what_padding_is(decoder, codes):
    decoder.compile(weighted_metrics=[perplexity(0)])
    ids = np.array([[3, 4, 5, 6, 5], [3, 4, 1, 1, 1]], "int32")
    inputs = {"token_ids": ids[:, :-1], "padding_mask": np.array([[1, 1, 1, 1], [1, 1, 0, 0]])}
    assert codes(decoder, inputs, ids[:, 1:]) == ["padding_counts"]
    decoder.compile(weighted_metrics=[perplexity(1)])
    assert codes(decoder, inputs, ids[:, 1:]) == []


def test_an_embedding_that_masks_zero_says_so_and_hands_its_mask_on(bigrams, codes):
    ids = np.array([[3, 4, 5, 6, 7, 0, 0, 0, 0]], "int32")
    rows = ids[:, :-1], ids[:, 1:]
    assert codes(bigrams(mask_zero=True, metrics=[perplexity(0)]), *rows) == []
    assert codes(bigrams(mask_zero=True, metrics=[perplexity(1)]), *rows) == ["padding_counts"]
    assert codes(bigrams(mask_zero=True, weighted_metrics=[perplexity()]), *rows) == []
