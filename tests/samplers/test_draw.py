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
