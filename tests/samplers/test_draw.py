import numpy as np
import pytest
from keras import ops

from hornbook.samplers.draw import BLOCK, draw


@pytest.mark.parametrize("choices", [1, 5, 2 * BLOCK, 2 * BLOCK + 1, 5 * BLOCK + 7])
def test_the_index_at_which_the_sum_passes_the_target(choices):
    random = np.random.default_rng(2)
    weights = random.integers(0, 4, size=(200, choices)).astype("float32")  # sums are exact
    weights[:, random.integers(choices)] = 1
    uniforms = (random.integers(0, 2**12, size=200) / 2**12).astype("float32")
    targets = uniforms * weights.sum(1)
    expected = [np.argmax(np.cumsum(row) > t) for row, t in zip(weights, targets, strict=True)]
    drawn = draw(ops.convert_to_tensor(weights), ops.convert_to_tensor(uniforms))
    assert ops.convert_to_numpy(drawn).tolist() == expected


@pytest.mark.parametrize("choices", [40, 5000])
def test_a_weight_of_zero_is_never_drawn(choices):
    random = np.random.default_rng(3)
    weights = np.where(random.random((500, choices)) < 0.9, 0, random.random((500, choices)))
    weights[:, 3] = 1e-6
    uniforms = np.float32([0.0, 1 - 2**-24])[random.integers(0, 2, size=500)]
    weights = weights.astype("float32")
    drawn = ops.convert_to_numpy(
        draw(ops.convert_to_tensor(weights), ops.convert_to_tensor(uniforms))
    )
    assert (weights[np.arange(500), drawn] > 0).all()


def test_rounding_of_sums_draws_no_weight_of_zero():
    """Parallel sums may differ by a digit between neighbours with nothing in between."""
    random = np.random.default_rng(4)
    weights = np.where(random.random((4000, 512)) < 0.7, 0, random.random((4000, 512)))
    weights = weights.astype("float32")
    rows = np.arange(len(weights))
    sums = ops.convert_to_numpy(ops.cumsum(ops.convert_to_tensor(weights), axis=-1))
    # Each target is the sum just before a weight of 0, where one of these digits may be.
    places = [random.choice(np.flatnonzero(row[1:] == 0)) for row in weights]
    uniforms = (sums[rows, places] / weights.sum(axis=1)).astype("float32")
    drawn = ops.convert_to_numpy(
        draw(ops.convert_to_tensor(weights), ops.convert_to_tensor(uniforms))
    )
    assert (weights[rows, drawn] > 0).all()
