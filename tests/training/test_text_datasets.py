"""Each kind of dataset, holding text, yields what the preprocessor makes of its batches."""

import itertools

import keras
import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.training.text_datasets import convert_batch, convert_dataset


class Texts(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches
        self.events = []

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]

    def on_epoch_begin(self):
        self.events.append("begin")

    def on_epoch_end(self):
        self.events.append("end")


def assert_equal(actual, expected):
    keras.tree.assert_same_structure(actual, expected)
    for one, other in zip(keras.tree.flatten(actual), keras.tree.flatten(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def halves(texts):
    return [texts[:5], texts[5:]]


def test_py_dataset(preprocessor, texts):
    source = Texts(halves(texts))
    dataset = convert_dataset(preprocessor, source)
    for batch, half in zip(dataset, halves(texts), strict=True):
        assert_equal(batch, preprocessor(half))
    dataset.on_epoch_begin()
    dataset.on_epoch_end()
    assert source.events == ["begin", "end"]
    assert convert_dataset(preprocessor, dataset) is dataset


def test_generator(preprocessor, texts):
    dataset = convert_dataset(preprocessor, (half for half in halves(texts)))
    for batch, half in zip(dataset, halves(texts), strict=True):
        assert_equal(batch, preprocessor(half))


def test_a_generator_is_read_ahead_and_its_end_and_errors_arrive_in_their_place(preprocessor):
    read = []

    def endless():
        for letter in itertools.cycle("ab"):
            read.append(letter)
            yield [letter]

    dataset = convert_dataset(preprocessor, endless())
    for index in range(20):
        assert_equal(next(dataset), preprocessor(["ab"[index % 2]]))
    assert len(read) <= 25

    def broken():
        yield ["a"]
        raise ValueError("no more")

    dataset = convert_dataset(preprocessor, broken())
    assert_equal(next(dataset), preprocessor(["a"]))
    with pytest.raises(ValueError, match="no more"):
        next(dataset)
    assert list(convert_dataset(preprocessor, (text for text in ()))) == []


def test_what_a_generator_yields_is_a_tuple_as_keras_wants_it(encoder_preprocessor):
    (batch,) = convert_dataset(encoder_preprocessor, (text for text in [["a"]]))
    assert_equal(batch, (encoder_preprocessor(["a"]),))


def test_single_texts_are_an_error_that_says_what_to_do(preprocessor):
    for batch in ("a b", ("a b", 1), np.array("a")[()]):
        with pytest.raises(DataError, match=r"single texts.*batch\(batch_size\)"):
            convert_batch(preprocessor, batch)


def test_labels_beside_text(encoder_preprocessor, texts):
    batch = convert_batch(encoder_preprocessor, [texts[:2], np.array([0, 1])])
    assert_equal(batch, encoder_preprocessor(texts[:2], np.array([0, 1])))


def test_batches_without_text_pass_through_unchanged(preprocessor):
    batch = (np.ones((2, 3)), np.zeros(2))
    assert convert_dataset(preprocessor, Texts([batch]))[0] is batch
    assert convert_dataset(None, Texts([batch]))[0] is batch
    assert convert_dataset(preprocessor, batch[0]) is batch[0]
    assert convert_batch(preprocessor, ()) == ()


def test_text_without_a_preprocessor_is_an_error():
    with pytest.raises(DataError, match="no preprocessor"):
        convert_dataset(None, Texts([["a"]]))[0]


def test_tensorflow_dataset(preprocessor, texts):
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(texts)
    converted = convert_dataset(preprocessor, dataset.batch(5))
    for batch, half in zip(converted.as_numpy_iterator(), halves(texts), strict=True):
        assert_equal(batch, preprocessor(half))
    with pytest.raises(DataError, match="batch"):
        convert_dataset(preprocessor, dataset)
    numbers = tf.data.Dataset.range(3)
    assert convert_dataset(preprocessor, numbers) is numbers


def test_tensorflow_dataset_with_labels(encoder_preprocessor, texts):
    tf = pytest.importorskip("tensorflow")
    labels = np.arange(10)
    dataset = tf.data.Dataset.from_tensor_slices((texts, labels)).batch(10)
    batch = next(convert_dataset(encoder_preprocessor, dataset).as_numpy_iterator())
    assert_equal(batch, encoder_preprocessor(texts, labels))


def test_torch_data_loader(preprocessor, encoder_preprocessor, texts):
    data = pytest.importorskip("torch.utils.data")
    loader = data.DataLoader(texts, batch_size=5)
    dataset = convert_dataset(preprocessor, loader)
    for _ in range(2):
        for batch, half in zip(dataset, halves(texts), strict=True):
            assert_equal(batch, preprocessor(half))
    labelled = data.DataLoader(list(zip(texts, range(10), strict=True)), batch_size=10)
    batch = convert_dataset(encoder_preprocessor, labelled)[0]
    assert_equal(batch, encoder_preprocessor(texts, np.arange(10)))


def test_grain(preprocessor, texts):
    grain = pytest.importorskip("grain")
    dataset = grain.MapDataset.source(texts).batch(5)
    loader = grain.DataLoader(
        data_source=texts,
        sampler=grain.samplers.SequentialSampler(10),
        operations=[grain.transforms.Batch(5)],
    )
    for converted in (dataset, dataset.to_iter_dataset(), loader):
        batches = convert_dataset(preprocessor, converted)
        for _ in range(2):
            for batch, half in zip(batches, halves(texts), strict=True):
                assert_equal(batch, preprocessor(half))


def test_a_pass_through_grain_goes_on_from_its_state(preprocessor, texts):
    grain = pytest.importorskip("grain")
    loader = grain.DataLoader(
        data_source=texts,
        sampler=grain.samplers.SequentialSampler(10),
        operations=[grain.transforms.Batch(2)],
    )
    dataset = convert_dataset(preprocessor, loader)
    batches = iter(dataset)
    next(batches)
    state = batches.get_state()
    rest = list(batches)
    again = iter(dataset)
    again.set_state(state)
    for one, other in zip(again, rest, strict=True):
        assert_equal(one, other)
    assert len(rest) == 4


def test_an_error_of_grain_arrives_in_its_place(preprocessor, texts):
    grain = pytest.importorskip("grain")
    dataset = grain.MapDataset.source(texts).batch(5)
    for kind in (dataset, dataset.to_iter_dataset()):
        with pytest.raises(DataError, match="no preprocessor"):
            next(iter(convert_dataset(None, kind)))
    dropped = convert_dataset(preprocessor, dataset.filter(lambda batch: batch[0] == texts[0]))
    with pytest.raises(DataError, match=r"2 batches, and ended after 1; .*to_iter_dataset"):
        list(dropped)


def test_a_dataset_of_grain_has_its_length_unless_it_is_endless(preprocessor, texts):
    grain = pytest.importorskip("grain")
    dataset = grain.MapDataset.source(texts).batch(5)
    assert convert_dataset(preprocessor, dataset).num_batches == 2
    endless = convert_dataset(preprocessor, dataset.repeat())
    assert endless.num_batches is None
    assert_equal(endless[0], preprocessor(texts[:5]))
