import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.preprocessing.random_choice import choose
from hornbook.preprocessing.segments import round_robin, waterfall
from hornbook.preprocessing.token_rows import TokenRows, read_rows

ROWS = [[5, 6, 7], [], [8]]


@pytest.mark.parametrize(
    "rows",
    [ROWS, tuple(map(tuple, ROWS)), [np.array(row, np.int32) for row in ROWS]],
    ids=["lists", "tuples", "arrays"],
)
def test_rows_of_any_length_become_two_arrays(rows):
    read, form = read_rows(rows)
    assert read.values.tolist() == [5, 6, 7, 8]
    assert read.values.dtype == np.int32
    assert read.lengths.tolist() == [3, 0, 1]
    assert read.row_ids.tolist() == [0, 0, 0, 2]
    assert read.positions.tolist() == [0, 1, 2, 0]
    assert form.batched
    assert not form.dense
    assert [row.tolist() for row in read.split()] == ROWS
    assert read.table(4).tolist() == [[5, 6, 7, 0], [0] * 4, [8, 0, 0, 0]]


def test_arrays_of_arrays_are_rows_too():
    ragged = np.empty(3, object)
    ragged[:] = ROWS
    assert read_rows(ragged)[0].lengths.tolist() == [3, 0, 1]


def test_one_row_and_tables_keep_their_dtype():
    read, form = read_rows(np.array([[1, 2], [3, 4]], np.int64))
    assert (form.batched, form.dense, read.values.dtype) == (True, True, np.int64)
    read, form = read_rows([1, 2])
    assert (form.batched, read.lengths.tolist(), read.values.dtype) == (False, [2], np.int32)


def test_strings_are_objects():
    for strings in (["a", "b"], np.array(["a", "b"]), np.array(["a", "b"], object)):
        read, _ = read_rows(strings)
        assert read.values.dtype == object
        assert read.values.tolist() == ["a", "b"]


def test_tensors_of_backends_are_read():
    import jax.numpy as jnp
    import torch

    for tensor in (jnp.array([[1, 2]]), torch.tensor([[1, 2]])):
        read, form = read_rows(tensor)
        assert read.values.tolist() == [1, 2]
        assert form.batched


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([1.5], "float64"),
        (None, "NoneType"),
        ("text", r"shape \(\)"),
        (3, r"shape \(\)"),
        (np.zeros((1, 2, 3), int), r"shape \(1, 2, 3\)"),
        ([[[1]]], r"shape \(1, 1\)"),
        ([["a"], [1]], "Some rows hold strings"),
        ([True], "bool"),
    ],
)
def test_what_is_no_rows_is_one_clear_error(wrong, message):
    with pytest.raises(DataError, match=message):
        read_rows(wrong)


def by_turns(lengths, room):
    kept = [0] * len(lengths)
    while room and kept != list(lengths):
        for segment, length in enumerate(lengths):
            if room and kept[segment] < length:
                kept[segment] += 1
                room -= 1
    return kept


def in_order(lengths, room):
    kept = []
    for length in lengths:
        kept.append(min(length, room))
        room -= kept[-1]
    return kept


@pytest.mark.parametrize(("shared", "naive"), [(round_robin, by_turns), (waterfall, in_order)])
def test_room_is_shared_as_the_naive_form_does(shared, naive):
    rng = np.random.default_rng(0)
    for segments in (1, 2, 3, 4):
        lengths = rng.integers(0, 9, (segments, 50))
        for room in range(20):
            expected = [naive(row, room) for row in lengths.T.tolist()]
            assert shared(lengths, room).T.tolist() == expected


def test_every_choice_is_equally_likely_and_only_among_candidates():
    rng = np.random.default_rng(0)
    rows, _ = read_rows([[1, 2, 3, 4], [5, 6], []])
    candidates = rows.values != 3
    seen = {}
    for _ in range(3000):
        chosen = choose(rng, rows, candidates, np.array([2, 5, 1]))
        assert not chosen[2]
        assert rows.count(chosen).tolist() == [2, 2, 0]
        seen[tuple(np.nonzero(chosen)[0])] = seen.get(tuple(np.nonzero(chosen)[0]), 0) + 1
    assert len(seen) == 3
    assert all(abs(count - 1000) < 120 for count in seen.values())


def test_rows_can_lose_tokens():
    rows = TokenRows(np.array([1, 2, 3, 4]), np.array([2, 0, 2]))
    kept = rows.keep(np.array([False, False, True, False]))
    assert kept.values.tolist() == [3]
    assert kept.lengths.tolist() == [0, 0, 1]
