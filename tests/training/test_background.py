import threading

import keras
import pytest

from hornbook.training.background import BackgroundBatches


class Numbers(keras.utils.PyDataset):
    def __init__(self, count):
        super().__init__()
        self.count = count
        self.threads = set()
        self.asked = []

    @property
    def num_batches(self):
        return self.count

    def __getitem__(self, index):
        self.threads.add(threading.current_thread())
        self.asked.append(index)
        if index == 6:
            raise ValueError("batch 6 is broken")
        return index


def test_batches_come_in_order_and_are_made_in_another_thread():
    source = Numbers(5)
    assert list(BackgroundBatches(source)) == [0, 1, 2, 3, 4]
    assert threading.current_thread() not in source.threads
    assert source.asked == [0, 1, 2, 3, 4]


def test_a_pass_begins_anew_after_one_that_was_left_early():
    batches = BackgroundBatches(Numbers(5))
    assert [batches[0], batches[1]] == [0, 1]
    assert list(batches) == [0, 1, 2, 3, 4]
    assert [batches[3], batches[4]] == [3, 4]


def test_an_endless_source_is_asked_only_so_far_ahead():
    batches = BackgroundBatches(Numbers(None), ahead=2)
    assert [batches[index] for index in range(4)] == [0, 1, 2, 3]
    assert len(batches._batches) == 2


def test_each_pass_has_an_order_of_its_own_given_by_the_seed():
    batches, again = BackgroundBatches(Numbers(6), seed=1), BackgroundBatches(Numbers(6), seed=1)
    first, second = list(batches), list(batches)
    assert sorted(first) == sorted(second) == [0, 1, 2, 3, 4, 5]
    assert first != second
    assert [list(again), list(again)] == [first, second]


def test_an_error_in_a_thread_reaches_the_caller_where_the_batch_is_asked_for():
    batches = BackgroundBatches(Numbers(8))
    assert [batches[index] for index in range(6)] == [0, 1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="batch 6 is broken"):
        batches[6]


def test_keras_sees_every_batch_once_also_when_it_peeks_to_build_the_model():
    """Its own threads don't give that, see the class."""

    class Ones(keras.utils.PyDataset):
        num_batches = 30

        def __getitem__(self, index):
            return keras.ops.ones((2, 1)), keras.ops.full((2, 1), float(index))

    class Label(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return y_true

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss=Label())
    data = BackgroundBatches(Ones())
    assert model.evaluate(data, verbose=0) == pytest.approx(14.5)
    assert [model.evaluate(data, steps=3, verbose=0) for _ in range(2)] == [1.0, 1.0]
