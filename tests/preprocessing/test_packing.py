import numpy as np
import pytest

from hornbook.preprocessing import packing


def test_rows_are_padded_on_the_right():
    token_ids, mask = packing.pad_rows([[1, 2, 3], [], [4]], 4, pad_value=9)
    assert token_ids.tolist() == [[1, 2, 3, 9], [9, 9, 9, 9], [4, 9, 9, 9]]
    assert mask.tolist() == [[True, True, True, False], [False] * 4, [True, False, False, False]]
    assert token_ids.dtype == np.int32


def test_no_rows_give_an_empty_array():
    assert packing.pad_rows([], 4)[0].shape == (0, 4)


@pytest.mark.parametrize(
    ("length", "expected"), [(6, [1, 5, 6, 7, 2]), (4, [1, 5, 6, 2]), (2, [1, 2]), (1, [1])]
)
def test_ends_survive_truncation(length, expected):
    assert packing.add_ends([[5, 6, 7]], length, [1], [2]) == [expected]


def test_buckets_hold_their_rows_waste_a_third_at_most_and_are_few():
    buckets = {longest: packing.bucket_length(longest, 4096) for longest in range(1, 4097)}
    assert all(bucket >= longest for longest, bucket in buckets.items())
    assert all(bucket <= longest * 1.5 for longest, bucket in buckets.items() if longest > 16)
    assert len(set(buckets.values())) == 17
    assert all(packing.bucket_length(bucket, 4096) == bucket for bucket in buckets.values())


def take_from_the_longer(first, second, room):
    while first + second > room:
        if first > second:
            first -= 1
        else:
            second -= 1
    return first, second


def test_room_is_shared_as_if_tokens_were_taken_from_the_longer_text_one_by_one():
    for first in range(8):
        for second in range(8):
            for room in range(12):
                expected = take_from_the_longer(first, second, room)
                joined = packing.join_pairs(
                    [[5] * first], [[6] * second], room + 3, [1], [2], [2], "round_robin"
                )
                kept = (joined[0][0].count(5), joined[0][0].count(6))
                assert kept == expected


def test_pairs_are_joined_with_segments_that_change_after_the_first_separator():
    tokens, segments = packing.join_pairs([[5, 6, 7]], [[8]], 6, [1], [2], [2], "round_robin")
    assert tokens == [[1, 5, 6, 2, 8, 2]]
    assert segments == [[0, 0, 0, 0, 1, 1]]
