import keras
import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.training.text_batches import TextBatches


def token_rows(dataset):
    """The rows of token ids of one pass whose weights aren't all zero."""
    batches = [dataset[index] for index in range(len(dataset))]
    return [
        tuple(row) for x, _, w in batches for row, kept in zip(x["token_ids"], w, strict=True)
        if kept.any()
    ]  # fmt: skip


def test_every_text_counts_once_and_all_batches_have_one_shape(preprocessor, texts):
    dataset = TextBatches(preprocessor, texts, batch_size=4)
    batches = [dataset[index] for index in range(len(dataset))]
    shapes = {array.shape for batch in batches for array in keras.tree.flatten(batch)}
    assert shapes == {(4, 8)}
    expected = preprocessor(texts)
    assert token_rows(dataset) == [tuple(row) for row in expected[0]["token_ids"]]
    assert sum(batch[2].sum() for batch in batches) == expected[2].sum()


@pytest.mark.parametrize(
    ("rows", "sizes"), [(8, [4, 4]), (9, [3, 3, 3]), (10, [4, 3, 3]), (3, [3])]
)
def test_rows_are_dealt_evenly(encoder_preprocessor, rows, sizes):
    dataset = TextBatches(encoder_preprocessor, ["a"] * rows, np.arange(rows), batch_size=4)
    batches = [dataset[index] for index in range(len(dataset))]
    assert sorted((len(batch[1]) for batch in batches), reverse=True) == sizes
    assert np.concatenate([batch[1] for batch in batches]).tolist() == list(range(rows))


def test_labels_given_beside_the_text_get_no_rows_that_fill_up(encoder_preprocessor):
    dataset = TextBatches(encoder_preprocessor, ["a"] * 7, np.arange(7), np.ones(7), batch_size=4)
    assert [len(dataset[index][1]) for index in range(2)] == [3, 4]


def test_labels_and_weights_stay_with_their_text_when_shuffled(encoder_preprocessor, texts):
    labels = np.arange(10)
    dataset = TextBatches(
        encoder_preprocessor, texts, {"out": labels}, labels * 2.0, batch_size=3, seed=0
    )
    expected = encoder_preprocessor(texts)["token_ids"]
    seen = []
    for index in range(len(dataset)):
        x, y, weights = dataset[index]
        np.testing.assert_array_equal(x["token_ids"], expected[y["out"]])
        np.testing.assert_array_equal(weights, y["out"] * 2.0)
        seen += y["out"].tolist()
    assert seen != sorted(seen) == labels.tolist()


def test_pairs_stay_together(encoder_preprocessor, texts):
    dataset = TextBatches(encoder_preprocessor, (texts, texts[::-1]), batch_size=5, seed=3)
    expected = encoder_preprocessor((texts, texts[::-1]))["token_ids"].tolist()
    rows = [row for index in range(2) for row in dataset[index]["token_ids"].tolist()]
    assert sorted(rows) == sorted(expected)


def test_the_seed_gives_the_order_of_each_pass(preprocessor, texts):
    dataset, again = (TextBatches(preprocessor, texts, batch_size=5, seed=7) for _ in range(2))
    first, second = token_rows(dataset), token_rows(dataset)
    assert first != second
    assert sorted(first) == sorted(second)
    assert [token_rows(again), token_rows(again)] == [first, second]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": []}, "empty"),
        ({"x": ["a"], "batch_size": 0}, "batch_size"),
        ({"x": ["a", "b"], "y": [1]}, r"2 texts and labels of shape \(1,\)"),
        ({"x": ["a", "b"], "sample_weight": 1.0}, "2 texts and sample weights of shape"),
    ],
)
def test_what_does_not_fit_is_an_error(encoder_preprocessor, arguments, message):
    with pytest.raises(DataError, match=message):
        TextBatches(encoder_preprocessor, **arguments)
