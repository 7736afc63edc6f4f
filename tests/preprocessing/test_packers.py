import keras
import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.preprocessing.masked_lm_mask_generator import MaskedLMMaskGenerator
from hornbook.preprocessing.multi_segment_packer import MultiSegmentPacker
from hornbook.preprocessing.random_deletion import RandomDeletion
from hornbook.preprocessing.random_swap import RandomSwap
from hornbook.preprocessing.segments import as_values
from hornbook.preprocessing.start_end_packer import StartEndPacker
from hornbook.tokenizers import WordPieceTokenizer

ROWS = [[5, 6, 7, 8], [], [9], [10, 11]]


def naive(rows, length, start=(), end=(), pad=0):
    packed = [[*start, *row[: max(length - len(start) - len(end), 0)], *end] for row in rows]
    return [(row + [pad] * length)[:length] for row in packed]


@pytest.mark.parametrize("length", range(1, 8))
@pytest.mark.parametrize("start", [None, 1, [1, 2]])
@pytest.mark.parametrize("end", [None, 3, (3, 4)])
def test_rows_stand_between_their_ends(length, start, end):
    packer = StartEndPacker(length, start, end, pad_value=99, return_padding_mask=True)
    tokens, mask = packer(ROWS)
    assert tokens.dtype == np.int32
    expected = naive(ROWS, length, as_values(start), as_values(end), 99)
    assert tokens.tolist() == expected
    assert mask.tolist() == [[token != 99 for token in row] for row in expected]


def test_a_row_alone_is_packed_alone():
    assert StartEndPacker(4, 1, 2)([5]).tolist() == [1, 5, 2, 0]
    assert StartEndPacker(4, 1, 2)([]).tolist() == [1, 2, 0, 0]


def test_a_call_can_leave_ends_out_and_choose_the_length():
    packer = StartEndPacker(4, 1, 2)
    assert packer([5], add_start_value=False).tolist() == [5, 2, 0, 0]
    assert packer([5], add_end_value=False, sequence_length=3).tolist() == [1, 5, 0]


def test_a_table_counts_in_full_as_the_tokenizer_pads_it():
    tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[BOS]", "a"], sequence_length=4)
    packer = StartEndPacker(4, start_value=tokenizer.token_to_id("[BOS]"))
    assert packer(tokenizer([""])).tolist() == [[2, 0, 0, 0]]
    assert packer(tokenizer(["a a a a", "a"])).tolist() == [[2, 3, 3, 3], [2, 3, 0, 0]]
    ragged = WordPieceTokenizer(["[PAD]", "[UNK]", "[BOS]", "a"])
    assert packer(ragged(["a a a a", ""])).tolist() == [[2, 3, 3, 3], [2, 0, 0, 0]]


def test_strings_are_packed():
    packer = StartEndPacker(4, "[S]", ["[E]"])
    assert packer([["a", "b", "c"], []]).tolist() == [
        ["[S]", "a", "b", "[E]"],
        ["[S]", "[E]", "", ""],
    ]
    assert packer([[]]).tolist() == [["[S]", "[E]", "", ""]]
    with pytest.raises(DataError, match=r"start_value is '\[S\]', but the tokens are ids"):
        packer([1, 2])
    with pytest.raises(DataError, match="pad_value is 0, but the tokens are strings"):
        StartEndPacker(4, pad_value=0)(["a"])


def test_a_length_of_zero_is_refused():
    with pytest.raises(DataError, match="sequence_length is 0"):
        StartEndPacker(0)
    with pytest.raises(DataError, match="sequence_length is -1"):
        StartEndPacker(4)([1], sequence_length=-1)


def naive_segments(segments, length, start, separator, end, keep):
    """One row: its tokens and segment ids."""
    between = [*[separator] * (len(segments) - 1), end]
    room = max(length - len(start) - sum(map(len, between)), 0)
    kept = keep([len(segment) for segment in segments], room)
    tokens, ids = list(start), [0] * len(start)
    for index, (segment, count, after) in enumerate(zip(segments, kept, between, strict=True)):
        tokens += [*segment[:count], *after]
        ids += [index] * (count + len(after))
    return (tokens + [0] * length)[:length], (ids + [0] * length)[:length]


def from_the_longest(lengths, room):
    lengths = list(lengths)
    while sum(lengths) > room:
        longest = max(range(len(lengths)), key=lambda i: (lengths[i], i))
        lengths[longest] -= 1
    return lengths


def from_the_last(lengths, room):
    lengths = list(lengths)
    while sum(lengths) > room:
        lengths[max(i for i, length in enumerate(lengths) if length)] -= 1
    return lengths


@pytest.mark.parametrize(
    ("truncate", "keep"), [("round_robin", from_the_longest), ("waterfall", from_the_last)]
)
@pytest.mark.parametrize("sep", [None, [3, 3]])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_segments_stand_behind_each_other(truncate, keep, sep, count):
    rng = np.random.default_rng(count)
    segments = tuple(
        [rng.integers(10, 99, rng.integers(0, 7)).tolist() for _ in range(20)] for _ in range(count)
    )
    for length in (1, 4, 9, 30):
        packer = MultiSegmentPacker(length, 1, 2, sep, truncate=truncate)
        tokens, segment_ids = packer(segments)
        expected = [
            naive_segments(row, length, [1], sep or [2], [2], keep)
            for row in zip(*segments, strict=True)
        ]
        assert list(zip(tokens.tolist(), segment_ids.tolist(), strict=True)) == expected


def test_segments_come_in_many_forms():
    packer = MultiSegmentPacker(6, 1, 2)
    expected = ([1, 5, 2, 7, 8, 2], [0, 0, 0, 1, 1, 1])
    for inputs in (([5], [7, 8]), [[5], [7, 8]], [np.array([5]), np.array([7, 8])]):
        assert tuple(part.tolist() for part in packer(inputs)) == expected
    for alone in ([5, 6], (5, 6), np.array([5, 6]), ([5, 6],)):
        assert packer(alone)[0].tolist() == [1, 5, 6, 2, 0, 0]
    tokens, _ = packer(([[5], [6]], [[7], [8]]), add_start_value=False, add_end_value=False)
    assert tokens.tolist() == [[5, 2, 7, 0, 0, 0], [6, 2, 8, 0, 0, 0]]
    tokens, _ = MultiSegmentPacker(5, "[CLS]", "[SEP]")((["a"], ["b"]))
    assert tokens.tolist() == ["[CLS]", "a", "[SEP]", "b", "[SEP]"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "no segments"),
        (([[1]], [1]), "Some segments are batches"),
        (([[1]], [[1], [2]]), r"\[1, 2\] rows"),
    ],
)
def test_segments_that_do_not_belong_together_are_refused(inputs, message):
    with pytest.raises(DataError, match=message):
        MultiSegmentPacker(6, 1, 2)(inputs)
    with pytest.raises(DataError, match="truncate is 'left'"):
        MultiSegmentPacker(6, 1, 2, truncate="left")


@pytest.mark.parametrize(
    "packer",
    [
        StartEndPacker(4, [1, 2], 3, 9, return_padding_mask=True, name="ends"),
        MultiSegmentPacker(8, 1, 2, [3, 3], truncate="waterfall", name="segments"),
    ],
    ids=lambda packer: packer.name,
)
def test_keras_saves_and_loads_packers(packer):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(packer))
    assert copy.get_config() == packer.get_config()
    for one, other in zip(copy([5, 6]), packer([5, 6]), strict=True):
        np.testing.assert_array_equal(one, other)


LAYERS = [
    lambda **more: StartEndPacker(5, start_value=1, end_value=2, **more),
    lambda **more: MultiSegmentPacker(5, start_value=1, end_value=2, **more),
    lambda **more: RandomSwap(0.5, seed=1, **more),
    lambda **more: RandomDeletion(0.5, seed=1, **more),
    lambda **more: MaskedLMMaskGenerator(20, 0.5, mask_token_id=1, seed=1, **more),
]


@pytest.mark.parametrize("make", LAYERS)
def test_what_layers_are_made_with_and_called_by(make):
    layer = make(name="mine", dtype="int32", trainable=True)
    again = type(layer).from_config(layer.get_config())
    assert (again.name, again.dtype, again.trainable) == ("mine", "int32", True)
    expected = make()([[5, 6, 7, 8]])
    keras.tree.map_structure(np.testing.assert_array_equal, layer.call([[5, 6, 7, 8]]), expected)
    for dtype in ("float32", "text"):
        with pytest.raises(DataError, match="expected an integer type or 'string'"):
            make(dtype=dtype)
    with pytest.raises(TypeError, match="other"):
        make(other=1)
