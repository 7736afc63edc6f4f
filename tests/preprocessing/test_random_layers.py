"""What random layers may change, how often they do, and that a seed repeats it."""

import keras
import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.preprocessing.masked_lm_mask_generator import MaskedLMMaskGenerator
from hornbook.preprocessing.random_deletion import RandomDeletion
from hornbook.preprocessing.random_swap import RandomSwap

RNG = np.random.default_rng(0)
ROWS = [RNG.integers(1, 50, length).tolist() for length in (20, 7, 0, 1, 33)]
TABLE = RNG.integers(10, 50, (400, 30)).astype("int32")


def masker(**options):
    defaults = {"vocabulary_size": 60, "mask_selection_rate": 0.15, "mask_token_id": 55}
    return MaskedLMMaskGenerator(**{**defaults, "seed": 1, **options})


def test_what_was_hidden_is_told():
    masked = masker()(ROWS)
    for row, tokens, positions, ids, weights in zip(ROWS, *masked.values(), strict=True):
        assert len(positions) == int(np.ceil(len(row) * 0.15))
        assert (np.diff(positions) > 0).all()
        assert [row[place] for place in positions] == ids.tolist()
        assert weights.tolist() == [1.0] * len(positions)
        others = np.setdiff1d(np.arange(len(row)), positions)
        assert tokens[others].tolist() == [row[place] for place in others]
    assert [masked[name][0].dtype.name for name in masked] == ["int32", "int32", "int32", "float32"]


def test_shares_of_masked_and_random_tokens():
    masked = masker(mask_selection_rate=0.5)(TABLE)
    assert masked["token_ids"].shape == TABLE.shape
    positions, ids = np.stack(masked["mask_positions"]), np.stack(masked["mask_ids"])
    hidden = np.take_along_axis(masked["token_ids"], positions, 1)
    assert np.mean(hidden == 55) == pytest.approx(0.8, abs=0.02)
    assert np.mean(hidden == ids) == pytest.approx(0.1, abs=0.02)
    random = hidden[(hidden != 55) & (hidden != ids)]
    assert set(random.tolist()) == set(range(60)) - {55}
    all_places = np.bincount(positions.ravel(), minlength=30)
    assert all_places.min() > 150
    assert all_places.max() < 250


def test_a_length_makes_tables_and_a_limit():
    masked = masker(mask_selection_length=3)([[1] * 40, [2, 0, 0, 0], [0, 0]])
    assert [value.shape for value in list(masked.values())[1:]] == [(3, 3)] * 3
    assert masked["mask_weights"].tolist() == [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert masked["mask_ids"].tolist() == [[1, 1, 1], [2, 0, 0], [0, 0, 0]]
    assert masked["mask_positions"][1].tolist() == [0, 0, 0]
    one = masker(mask_selection_length=3)([2, 3])
    assert one["mask_ids"].shape == (3,)


def test_unselectable_tokens_stay_and_do_not_count():
    rows = [[1, 2, 3, 0, 0, 0, 0, 0], [1, 1, 1, 1, 2, 3, 2, 3]]
    masked = masker(mask_selection_rate=0.5, unselectable_token_ids=[0, 1])(rows)
    assert [len(ids) for ids in masked["mask_ids"]] == [1, 2]
    assert not np.isin(np.concatenate(masked["mask_ids"]), [0, 1]).any()


def test_the_share_of_tokens_is_rounded_up_but_not_for_a_float_s_error():
    masked = masker()(np.full((1, 20), 7))  # 20 * 0.15 is 3.0000000000000004 or so
    assert len(masked["mask_ids"][0]) == 3


def sorted_rows(rows):
    return [sorted(row) for row in rows]


def test_swaps_permute_each_row():
    swapped = RandomSwap(0.5, seed=1)(ROWS)
    assert [len(row) for row in swapped] == [len(row) for row in ROWS]
    assert sorted_rows(swapped) == sorted_rows(ROWS)
    assert swapped[0].tolist() != ROWS[0]


def test_as_many_swaps_as_the_rate_says():
    distinct = np.tile(np.arange(30), (400, 1))
    for rate, most, moved in ((0.1, None, 5.4), (1.0, 1, 2.0), (0.0, None, 0.0)):
        swapped = RandomSwap(rate, most, seed=1)(distinct)
        assert isinstance(swapped, np.ndarray)
        assert np.mean((swapped != distinct).sum(1)) == pytest.approx(moved, abs=0.25)
    assert (distinct == np.arange(30)).all()  # the input stays what it was


def test_skipped_tokens_keep_their_places():
    words = [["keras", "is", "fun", "."], ["so", "it", "is", "."]]
    skips = [
        {"skip_list": ["is", "."]},
        {"skip_fn": lambda word: word in ("is", ".")},
        {"skip_py_fn": lambda word: word in ("is", ".")},
    ]
    for skip in skips:
        for _ in range(5):
            swapped = RandomSwap(1.0, **skip)(words)
            assert [row[1] if i == 0 else row[2] for i, row in enumerate(swapped)] == ["is", "is"]
            assert [row[3] for row in swapped] == [".", "."]
        kept = RandomDeletion(1.0, **skip)(words)
        assert [row.tolist() for row in kept] == [["is", "."], ["is", "."]]
    assert RandomDeletion(1.0, skip_list=[2])([1, 2, 3]).tolist() == [2]
    assert RandomDeletion(1.0, skip_py_fn=lambda token: token > 1)([1, 2, 3]).tolist() == [2, 3]


def test_deletion_keeps_the_order_of_what_is_left():
    deleted = RandomDeletion(0.3, seed=1)(TABLE)
    assert np.mean([len(row) for row in deleted]) == pytest.approx(30 * 0.7, abs=0.3)
    for row, left in zip(TABLE.tolist(), deleted, strict=True):
        rest = iter(row)
        assert all(token in rest for token in left)
    limited = RandomDeletion(0.9, max_deletions=2, seed=1)(ROWS)
    assert [len(row) for row in limited] == [max(len(row) - 2, 0) for row in ROWS]


LAYERS = [
    lambda: masker(mask_selection_length=4),
    lambda: RandomSwap(0.4, max_swaps=3, skip_list=[7], seed=5),
    lambda: RandomDeletion(0.4, max_deletions=3, skip_list=[7], seed=5),
]


@pytest.mark.parametrize("make", LAYERS)
def test_a_seed_repeats_the_same_changes(make):
    first, second = make(), make()
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(first))
    assert copy.get_config() == first.get_config()
    results = [[repr(layer(ROWS)) for _ in range(2)] for layer in (first, second, copy)]
    assert results[0] == results[1] == results[2]
    assert results[0][0] != results[0][1]


def test_without_a_seed_keras_s_seed_counts():
    results = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        results.append(RandomSwap(0.5)(TABLE))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomSwap(1.5), "rate is 1.5"),
        (lambda: RandomDeletion(0.5, max_deletions=-1), "Got -1"),
        (lambda: RandomSwap(0.5, skip_list=[1], skip_fn=bool), "only one of"),
        (lambda: masker(mask_selection_rate=-1), "mask_selection_rate is -1"),
        (lambda: masker(random_token_rate=0.3), "more than 1 together"),
        (lambda: masker()(["a"]), "Got strings"),
    ],
)
def test_bad_arguments_are_one_clear_error(make, message):
    with pytest.raises(DataError, match=message):
        make()
