"""Ops put the rows of fused tensors where they belong, and back."""

from types import SimpleNamespace

import numpy as np
import pytest

from hornbook.checkpoints.weight_ops import Raised, SplitHeadGroups

OP = SplitHeadGroups(lambda config: config.heads, lambda config: config.groups)


@pytest.mark.parametrize("shape", [(32, 3), (32,)])
@pytest.mark.parametrize(
    ("heads", "groups", "queries"),
    [
        (4, 2, [0, 1, 4, 5]),  # q q k v, twice
        (6, 1, [0, 1, 2, 3, 4, 5]),  # all queries before the one key and value
    ],
)
def test_heads_are_split_by_groups(shape, heads, groups, queries):
    config = SimpleNamespace(heads=heads, groups=groups)
    tensor = np.random.default_rng(0).normal(size=shape)
    by_head = tensor.reshape(8, 4, *shape[1:])
    keys = [queries[len(queries) // groups * (i + 1) - 1] + 1 for i in range(groups)]
    expected = [by_head[queries], by_head[keys], by_head[[key + 1 for key in keys]]]
    found = OP.read([tensor], config)
    for values, heads_of in zip(found, expected, strict=True):
        np.testing.assert_array_equal(values, heads_of.reshape(-1, *shape[1:]))
    np.testing.assert_array_equal(OP.write(found, config)[0], tensor)


def test_rows_that_make_no_groups_are_an_error():
    with pytest.raises(ValueError, match="first axis is 30, expected a multiple of 2 groups of 4"):
        OP.read([np.zeros((30, 3))], SimpleNamespace(heads=4, groups=2))


def test_what_is_raised_is_lowered_and_keeps_its_type():
    tensor = np.array([1.25, 0.5], "float16")
    (value,) = Raised(1.0).read([tensor], None)
    assert value.tolist() == [0.25, -0.5]
    (again,) = Raised(1.0).write([value], None)
    assert (again.dtype, again.tolist()) == (tensor.dtype, tensor.tolist())
