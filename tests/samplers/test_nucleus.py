import numpy as np
import pytest
from keras import ops

from hornbook.samplers import nucleus as module


@pytest.mark.parametrize("form", ["nucleus", "nucleus_by_sorting", "nucleus_by_searching"])
@pytest.mark.parametrize("p", [0.05, 0.3, 0.9, 0.999, 1.0])
def test_the_same_tokens_stay_as_in_transformers(form, p):
    import torch
    from transformers import TopPLogitsWarper

    logits = np.random.default_rng(1).normal(size=(40, 701)).astype("float32") * 3
    warped = TopPLogitsWarper(p)(None, torch.from_numpy(logits)).numpy()
    probabilities = ops.softmax(ops.convert_to_tensor(logits), axis=-1)
    kept = ops.convert_to_numpy(getattr(module, form)(probabilities, p)) > 0

    exact = np.exp(logits.astype("float64"))
    exact /= exact.sum(axis=1, keepdims=True)
    tail = np.array([[row[row <= value].sum() for value in row] for row in exact])
    clear = (np.abs(tail - (1 - p)) > 1e-6) | (p == 1)  # beyond what float32 sums can tell apart
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(kept[clear], np.isfinite(warped)[clear])


@pytest.mark.parametrize("form", ["nucleus_by_sorting", "nucleus_by_searching"])
def test_borders(form):
    probabilities = ops.convert_to_tensor(np.float32([[0.5, 0.25, 0.125, 0.125, 0.0]]))

    def kept(p):
        return ops.convert_to_numpy(getattr(module, form)(probabilities, p))[0].tolist()

    assert kept(0.5) == [0.5, 0, 0, 0, 0]
    assert kept(0.500001) == [0.5, 0.25, 0, 0, 0]
    assert kept(0.75) == [0.5, 0.25, 0, 0, 0]
    assert kept(0.76) == [0.5, 0.25, 0.125, 0.125, 0]  # equals stay together
    assert kept(1.0) == [0.5, 0.25, 0.125, 0.125, 0]
    assert kept(1e-9) == [0.5, 0, 0, 0, 0]
