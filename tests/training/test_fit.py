"""Training end to end: every form of the data gives the same numbers, and the loss falls."""

import threading

import keras
import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics import Perplexity
from hornbook.models import GPT2Backbone, GPT2CausalLM
from hornbook.preprocessing import CausalLMPreprocessor


class Batches(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def evaluate(task, *data, **arguments):
    return task.evaluate(*data, verbose=0, return_dict=True, **arguments)


@pytest.fixture(scope="session")
def expected(untrained, preprocessor, texts):
    """The logs of evaluating the tokenized texts in one batch."""
    x, y, weights = preprocessor(texts)
    return evaluate(untrained, x, y, sample_weight=weights)


def test_a_family_learns_from_text(tokenizer, preprocessor, texts):
    backbone = GPT2Backbone(
        vocabulary_size=tokenizer.vocabulary_size(), num_layers=1, num_heads=2, hidden_dim=8,
        intermediate_dim=12, max_sequence_length=8, dropout=0.0,
    )  # fmt: skip
    task = GPT2CausalLM(backbone, preprocessor)
    task.optimizer.learning_rate = 0.02
    curves = task.fit(
        texts, batch_size=4, epochs=10, verbose=0, validation_data=texts, validation_freq=10
    ).history
    assert set(curves) == {"loss", "perplexity", "val_loss", "val_perplexity"}
    assert curves["loss"][-1] < 0.6 * curves["loss"][0]
    assert curves["val_perplexity"][-1] < 0.5 * curves["perplexity"][0]


# Keras 3.15 says so at the end of each pass through data whose length it can't tell.
out_of_data = pytest.mark.filterwarnings("ignore:Your input ran out of data")


@out_of_data
def test_every_form_of_the_data_evaluates_alike(untrained, preprocessor, texts, expected):
    halves = [texts[:5], texts[5:]]
    forms = {
        "list": texts,
        "array": np.array(texts),
        "batches of text": Batches(halves),
        "batches of arrays": Batches([preprocessor(half) for half in halves]),
        "generator": (half for half in halves),
    }
    forms |= grain_forms(texts)
    for name, data in forms.items():
        steps = 2 if name == "generator" else None
        logs = evaluate(untrained, data, batch_size=5, steps=steps)
        assert logs["perplexity"] == pytest.approx(expected["perplexity"], rel=1e-5), name


def test_tensorflow_datasets_evaluate_alike(untrained, preprocessor, texts, expected):
    tf = pytest.importorskip("tensorflow")
    strings = tf.data.Dataset.from_tensor_slices(texts).batch(5)
    for data in (strings, strings.map(preprocessor)):
        perplexity = evaluate(untrained, data)["perplexity"]
        assert perplexity == pytest.approx(expected["perplexity"], rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_a_batch_size_that_does_not_divide_the_texts_changes_nothing(
    untrained, texts, expected, batch_size
):
    perplexity = evaluate(untrained, texts, batch_size=batch_size)["perplexity"]
    assert perplexity == pytest.approx(expected["perplexity"], rel=1e-5)


def test_more_padding_changes_neither_perplexity_nor_loss(untrained, tokenizer, texts, expected):
    padded = CausalLMPreprocessor(tokenizer, sequence_length=32)
    logs = evaluate(untrained, Batches([padded(texts)]))
    assert logs["perplexity"] == pytest.approx(expected["perplexity"], rel=1e-5)
    assert logs["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert np.log(expected["perplexity"]) == pytest.approx(expected["loss"], rel=1e-5)


def test_the_same_seed_gives_the_same_training(make_task, texts):
    runs = [make_task().fit(texts, batch_size=3, epochs=3, verbose=0).history for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras builds it elsewhere")
def test_the_step_is_traced_once(make_task, texts):
    task, traced = make_task(), []
    step = task.train_step
    task.train_step = lambda *data: traced.append(len(data)) or step(*data)
    task.fit(texts, batch_size=5, epochs=2, verbose=0)
    assert traced == [1]


def test_limited_steps_go_through_the_texts_without_repeating_or_skipping_any(make_task, texts):
    task = make_task()
    task.optimizer.learning_rate = 0.0
    limits = {"batch_size": 5, "shuffle": False, "epochs": 4, "steps_per_epoch": 1, "verbose": 0}
    perplexities = task.fit(texts, preflight=False, **limits).history["perplexity"]
    halves = [evaluate(task, half, batch_size=5)["perplexity"] for half in (texts[:5], texts[5:])]
    assert perplexities == pytest.approx(halves * 2, rel=1e-4)


def test_fit_takes_datasets(make_task, texts):
    data = Batches([texts[:5], texts[5:]])
    curves = make_task().fit(data, epochs=4, verbose=0, validation_data=data).history
    assert curves["val_loss"][-1] < curves["val_loss"][0]


def grain_forms(texts):
    grain = pytest.importorskip("grain")
    batches = grain.MapDataset.source(texts).batch(5)
    loader = grain.DataLoader(
        data_source=texts,
        sampler=grain.samplers.SequentialSampler(len(texts)),
        operations=[grain.transforms.Batch(5)],
    )
    return {"MapDataset": batches, "IterDataset": batches.to_iter_dataset(), "DataLoader": loader}


@out_of_data
@pytest.mark.parametrize("form", ["MapDataset", "IterDataset", "DataLoader", "generator"])
def test_fit_on_a_stream_of_texts_is_fit_on_arrays(make_task, texts, preprocessor, form):
    def generator():
        for _ in range(3):
            yield from (texts[:5], texts[5:])

    threads = set()

    class Watched(CausalLMPreprocessor):
        def __call__(self, *arguments, **options):
            threads.add(threading.current_thread())
            return super().__call__(*arguments, **options)

    settings = {"epochs": 3, "verbose": 0, "preflight": False}
    arrays, streamed = make_task(), make_task()
    for task in (arrays, streamed):
        # At the end of data of unknown length, Keras on TensorFlow counts a step more, which
        # changes what Adam does.
        task.compile(
            optimizer=keras.optimizers.SGD(0.5),
            loss=SparseTokenCrossentropy(),
            weighted_metrics=[Perplexity(from_logits=True)],
        )
    x, y, weights = preprocessor(texts)
    expected = arrays.fit(x, y, sample_weight=weights, batch_size=5, shuffle=False, **settings)
    streamed.preprocessor = Watched(preprocessor.tokenizer, sequence_length=8)
    data = generator() if form == "generator" else grain_forms(texts)[form]
    steps = 2 if form == "generator" else None
    history = streamed.fit(data, steps_per_epoch=steps, **settings)
    for name, curve in expected.history.items():
        assert history.history[name] == pytest.approx(curve, rel=1e-5)
    for one, other in zip(streamed.weights, arrays.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert threads
    assert threading.current_thread() not in threads


def test_fit_takes_tensorflow_datasets(make_task, texts):
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices(texts).batch(5)
    curves = make_task().fit(data, epochs=4, verbose=0, validation_data=data).history
    assert curves["val_loss"][-1] < curves["val_loss"][0]


def test_validation_can_be_split_off(make_task, texts):
    assert "val_perplexity" in make_task().fit(texts, validation_split=0.2, verbose=0).history


def test_predictions_are_the_logits_of_each_text(untrained, preprocessor, texts):
    x, _, weights = preprocessor(texts)
    logits = untrained.predict(texts, batch_size=4, verbose=0)
    assert logits.shape == (10, 8, 14)
    kept = weights > 0
    np.testing.assert_allclose(logits[kept], keras.ops.convert_to_numpy(untrained(x))[kept])


def test_single_batches_train_and_test(make_task, texts):
    task = make_task()
    losses = [float(task.train_on_batch(texts)[0]) for _ in range(8)]
    assert losses[-1] < losses[0]
    assert float(task.test_on_batch(texts)[0]) < losses[0]


def test_text_for_a_task_without_a_tokenizer_is_a_clear_error(make_task, texts):
    task = make_task()
    task.preprocessor = None
    with pytest.raises(DataError, match="no preprocessor"):
        task.fit(texts)
