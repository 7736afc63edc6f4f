"""Every form of the data is looked at, and none is used up or changed."""

import random

import keras
import numpy as np
import pytest

from hornbook.losses import SparseTokenCrossentropy
from hornbook.training import preflight
from hornbook.training.checks.first_rows import first_rows, number_of_batches, read

pytestmark = pytest.mark.backend_free


class Batches(keras.utils.PyDataset):
    """Batches of the texts, drawn with the random numbers that everybody uses."""

    def __init__(self, texts):
        super().__init__()
        self.texts = texts

    def __len__(self):
        return 3

    def __getitem__(self, index):
        np.random.shuffle([1, 2, 3])
        random.random()
        return self.texts


def ids(data, preprocessor, *more):
    rows = first_rows(data, *(more or (None, None)), 4)
    return None if rows is None else read(rows, preprocessor)[1].token_ids.tolist()


@pytest.fixture
def expected(preprocessor, texts):
    return preprocessor(texts[:4])[0]["token_ids"].tolist()


def test_text_and_arrays_in_memory(preprocessor, texts, expected):
    x, y, weights = preprocessor(texts)
    assert ids(texts, preprocessor) == expected
    assert ids(np.array(texts), preprocessor) == expected
    assert ids(x, None, y, weights) == expected
    assert ids(x["token_ids"], None, y, weights) == expected
    assert ids(keras.ops.convert_to_tensor(x["token_ids"]), None, y, None) == expected
    assert [number_of_batches(form, 4, 0.0) for form in (texts, x, np.array(texts))] == [3, 3, 3]
    assert number_of_batches(texts, None, 0.0) == 1
    assert number_of_batches(texts, 4, 0.2) == 2


def test_datasets_of_keras_leave_random_numbers_alone(preprocessor, texts, expected):
    data = Batches(texts)
    before = (np.random.get_state()[1].tolist(), random.getstate())
    assert ids(data, preprocessor) == expected
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before
    assert number_of_batches(data, None, 0.0) == 3


def test_generators_are_not_begun(untrained, codes, texts):
    data = (texts for _ in range(2))
    assert codes(untrained, data) == []
    assert len(list(data)) == 2
    assert number_of_batches(data, None, 0.0) is None


def test_tensorflow_datasets(preprocessor, texts, expected):
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices(texts).batch(5)
    assert ids(data, preprocessor) == expected
    assert ids(data.map(preprocessor), None) == expected
    assert number_of_batches(data, None, 0.0) == 2
    assert number_of_batches(data.filter(lambda x: True), None, 0.0) is None
    assert number_of_batches(data.repeat(), None, 0.0) is None
    assert first_rows(data.shuffle(10), None, None, 4) is not None
    assert first_rows(data.shuffle(10_000), None, None, 4) is None


def test_a_generator_inside_a_tensorflow_dataset_is_not_begun(texts):
    tf = pytest.importorskip("tensorflow")
    once = iter(texts)
    spec = tf.TensorSpec((), tf.string)
    data = tf.data.Dataset.from_generator(lambda: once, output_signature=spec).batch(2).prefetch(1)
    assert first_rows(data, None, None, 4) is None
    assert len(list(once)) == len(texts)


def test_loaders_of_torch(preprocessor, texts, expected):
    torch = pytest.importorskip("torch")
    loader = torch.utils.data.DataLoader(texts, batch_size=5, shuffle=True)
    state = torch.get_rng_state()
    assert ids(loader, preprocessor) == expected
    assert torch.equal(torch.get_rng_state(), state)
    assert number_of_batches(loader, None, 0.0) == 2

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            raise AssertionError

    stream = torch.utils.data.DataLoader(Stream(), batch_size=2)
    assert first_rows(stream, None, None, 4) is None
    assert number_of_batches(stream, None, 0.0) is None


def test_grains_datasets(preprocessor, texts, expected):
    grain = pytest.importorskip("grain")
    data = grain.MapDataset.source(texts).batch(5)
    assert ids(data, preprocessor) == expected
    assert number_of_batches(data, None, 0.0) == 2
    assert first_rows(data.to_iter_dataset(), None, None, 4) is None


def test_labels_in_several_forms(encoder_preprocessor, texts):
    for labels in ([0] * 10, np.zeros(10)):
        batch = read(first_rows(texts, labels, None, 4), encoder_preprocessor)[1]
        assert batch.labels.tolist() == [0] * 4
    several = read(first_rows(texts, {"a": np.zeros(10)}, None, 4), encoder_preprocessor)[1]
    assert several.labels is None


def test_weights_of_rows_are_those_of_their_tokens(rows):
    batch = read(first_rows(*rows, np.array([1, 0, 2]), None), None)[1]
    assert batch.weights[:, 5].tolist() == [1, 0, 2]
    assert batch.weights.shape == rows[1].shape


def test_the_same_seed_trains_alike_with_and_without_preflight(make_task, texts):
    curves = []
    for looked in (True, False):
        arguments = {"epochs": 2, "batch_size": 4, "verbose": 0, "preflight": looked}
        curves.append(make_task().fit(texts, **arguments).history)
    assert curves[0] == curves[1]


def test_nothing_about_the_model_changes(bigrams, rows):
    model = bigrams("adam", SparseTokenCrossentropy())
    before = [np.array(keras.ops.convert_to_numpy(weight)) for weight in model.weights]
    preflight(model, *rows)
    assert not model.optimizer.built
    for old, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, keras.ops.convert_to_numpy(weight))
