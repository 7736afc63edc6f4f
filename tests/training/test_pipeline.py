import keras
import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.training import pipeline
from hornbook.training.background import BackgroundBatches


def rows(data):
    return [
        row for index in range(data.num_batches) for row in data[index][0]["token_ids"].tolist()
    ]


def ids(preprocessor, texts):
    return preprocessor(texts)[0]["token_ids"].tolist()


def test_arrays_and_arguments_pass_through(preprocessor):
    x, y = {"token_ids": np.ones((2, 3))}, np.zeros((2, 3))
    for reader in (preprocessor, None):
        arguments = pipeline.fit_arguments(
            reader, x, y, batch_size=2, epochs=3, validation_data=(x, y), class_weight={0: 1.0}
        )
        assert arguments["x"] is x
        assert arguments["y"] is y
        assert arguments["validation_data"] == (x, y)
        assert arguments["shuffle"]
        assert (arguments["epochs"], arguments["class_weight"]) == (3, {0: 1.0})
    assert pipeline.fit_arguments(None, x, y, validation_split=0.5)["validation_split"] == 0.5


def test_texts_become_batches_that_keras_does_not_shuffle_again(preprocessor, texts):
    arguments = pipeline.fit_arguments(preprocessor, texts, batch_size=5)
    assert isinstance(arguments["x"], BackgroundBatches)
    assert arguments["y"] is None
    assert not arguments["shuffle"]
    seen = rows(arguments["x"])
    assert seen != ids(preprocessor, texts)
    assert sorted(seen) == sorted(ids(preprocessor, texts))


def test_the_order_follows_the_global_seed(preprocessor, texts):
    def order():
        keras.utils.set_random_seed(3)
        return rows(pipeline.fit_arguments(preprocessor, texts, batch_size=5)["x"])

    assert order() == order()


def test_a_part_is_split_off_the_end_for_validation(preprocessor, texts):
    arguments = pipeline.fit_arguments(
        preprocessor, texts, batch_size=4, shuffle=False, validation_split=0.2
    )
    assert arguments["validation_split"] == 0.0
    assert rows(arguments["x"]) == ids(preprocessor, texts[:8])
    assert rows(arguments["validation_data"]) == ids(preprocessor, texts[8:])
    with pytest.raises(DataError, match="validation_split"):
        pipeline.fit_arguments(preprocessor, texts, validation_split=0.999)


def test_labels_and_weights_are_split_with_their_texts(encoder_preprocessor, texts):
    labels, weights = {"out": list(range(10))}, np.arange(10.0)
    arguments = pipeline.fit_arguments(
        encoder_preprocessor, (texts, texts), labels, sample_weight=weights, validation_split=0.3
    )
    _, y, w = arguments["validation_data"][0]
    assert y["out"].tolist() == w.tolist() == [7, 8, 9]


@pytest.mark.parametrize("form", [list, tuple, np.array])
def test_validation_texts_alone(preprocessor, texts, form):
    data = form(texts[:3]) if form is not tuple else (texts[:3],)
    arguments = pipeline.fit_arguments(preprocessor, texts, validation_data=data)
    assert rows(arguments["validation_data"]) == ids(preprocessor, texts[:3])


def test_validation_is_batched_by_its_own_size(encoder_preprocessor, texts):
    data = (texts, list(range(10)), np.ones(10))
    arguments = pipeline.fit_arguments(
        encoder_preprocessor, texts, np.zeros(10), validation_data=data, validation_batch_size=2
    )
    assert arguments["validation_data"].num_batches == 5
    assert len(arguments["validation_data"][0]) == 3


def test_evaluation_keeps_the_order_and_takes_what_fit_prepared(preprocessor, texts):
    data = pipeline.evaluate_arguments(preprocessor, texts, batch_size=5, verbose=0)
    assert rows(data["x"]) == ids(preprocessor, texts)
    assert data["verbose"] == 0
    again = pipeline.evaluate_arguments(preprocessor, data["x"], _use_cached_eval_dataset=True)
    assert again["x"] is data["x"]


def test_prediction_pads_all_texts_to_one_short_length(encoder_preprocessor, tokenizer, texts):
    from hornbook.preprocessing import EncoderPreprocessor

    preprocessor = EncoderPreprocessor(tokenizer, sequence_length=500)
    x = pipeline.predict_arguments(preprocessor, texts, batch_size=3)["x"]
    assert x["token_ids"].shape == (10, 16)
    assert pipeline.predict_arguments(preprocessor, "a")["x"]["token_ids"].shape == (1, 16)


def test_single_batches(preprocessor, encoder_preprocessor, texts):
    x, y, weights = pipeline.batch_arguments(preprocessor, texts, None, np.full(10, 2.0))
    assert x["token_ids"].shape == y.shape == weights.shape == (10, 8)
    assert weights.max() == 2.0
    x, y, weights = pipeline.batch_arguments(encoder_preprocessor, texts)
    assert (y, weights) == (None, None)
    arrays = (np.ones(2), np.ones(2), None)
    assert pipeline.batch_arguments(None, *arrays) == arrays


@pytest.mark.parametrize(
    "function",
    [
        pipeline.fit_arguments,
        pipeline.evaluate_arguments,
        pipeline.predict_arguments,
        pipeline.batch_arguments,
    ],
)
@pytest.mark.parametrize("x", ["a", ["a"], np.array(["a"]), (["a"], ["b"])])
def test_text_without_a_preprocessor_says_what_to_do(function, x):
    with pytest.raises(DataError, match="load the model with its tokenizer"):
        function(None, x)
