"""Preflight as a whole, and as a part of `fit`."""

import time

import keras
import numpy as np
import pytest

from hornbook.errors import HornbookWarning, PreflightError
from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics import Perplexity
from hornbook.preprocessing import CausalLMPreprocessor
from hornbook.tokenizers import WordPieceTokenizer
from hornbook.training import FirstSteps, preflight
from hornbook.training.checks import preflight as module


def test_a_run_that_is_right_has_no_finding(untrained, texts):
    assert preflight(untrained, texts, epochs=3, validation_data=texts, verbose=0) == []


def test_a_model_that_is_not_compiled_is_a_clear_error():
    with pytest.raises(PreflightError, match="call compile"):
        preflight(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))


def test_models_with_several_inputs_and_outputs_are_no_trouble(codes):
    inputs = {name: keras.Input((3,), name=name) for name in "ab"}
    a, b = (keras.layers.Dense(2)(inputs[name]) for name in "ab")
    model = keras.Model(inputs, {"a": a, "b": b})
    model.compile("sgd", {"a": "mse", "b": "mse"}, metrics={"a": ["mae"], "b": ["mae"]})
    x, y = {name: np.ones((4, 3)) for name in "ab"}, {name: np.ones((4, 2)) for name in "ab"}
    assert codes(model, x, y) == []


def test_a_perplexity_over_raw_text_that_another_token_pads(make_task, codes, texts):
    """The notebook's form: strings in tf.data, of unknown number, and metrics without weights."""
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices(texts).filter(lambda text: True).batch(4).shuffle(256)
    task = make_task()
    tokenizer = WordPieceTokenizer(["[UNK]", "[PAD]", *"abcdefghijkl"])
    task.preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=8)
    for token, found in ((0, ["padding_counts"]), (1, [])):
        task.compile("sgd", SparseTokenCrossentropy(), metrics=[Perplexity(True, token)])
        assert codes(task, data, epochs=6) == found


def test_fit_warns_where_it_was_called(make_task, texts):
    task = make_task()
    task.optimizer.learning_rate = 0.0
    with pytest.warns(HornbookWarning, match="learning rate is 0") as warned:
        task.fit(texts, verbose=0)
    ours = [one for one in warned if one.category is HornbookWarning]
    assert [one.filename for one in ours] == [__file__]


def test_fit_can_leave_it_out(make_task, texts):
    task = make_task()
    task.optimizer.learning_rate = 0.0
    task.fit(texts, epochs=4, verbose=0, preflight=False)


def test_fit_refuses_what_can_not_make_sense(make_task, rows):
    task = make_task()
    inputs = {"token_ids": rows[0] + 9, "padding_mask": np.ones_like(rows[0])}
    task.compile(loss="sparse_categorical_crossentropy")
    with pytest.raises(PreflightError, match=r"Label 14 .*fit\(preflight=False\)"):
        task.fit(inputs, rows[1] + 5, verbose=0)


def test_fit_watches_the_first_steps_beside_other_callbacks(make_task, texts, monkeypatch):
    seen = []
    monkeypatch.setattr(FirstSteps, "on_train_end", lambda self, logs=None: seen.append("watched"))
    other = keras.callbacks.LambdaCallback(on_train_end=lambda logs: seen.append("other"))
    for callbacks in (None, other):
        make_task().fit(texts, verbose=0, callbacks=callbacks)
    assert seen == ["watched", "other", "watched"]


def test_a_check_that_fails_does_not_stop_training(make_task, texts, monkeypatch):
    def broken(run):
        raise IndexError("beyond")

    monkeypatch.setattr(module, "CHECKS", (broken,))
    with pytest.warns(HornbookWarning, match="couldn't be checked .IndexError: beyond"):
        assert make_task().fit(texts, verbose=0).history["loss"]


def test_it_takes_no_time_to_speak_of(untrained, texts):
    many = texts * 10_000
    preflight(untrained, many)
    begin = time.process_time()
    preflight(untrained, many)
    assert time.process_time() - begin < 0.05
