import keras
import numpy as np
import pytest
from keras import ops

from hornbook.layers import PositionEmbedding, ReversibleEmbedding
from hornbook.layers.lookup import look_up
from hornbook.layers.relative_position_bias import RelativePositionBias
from losses.gradients import value_and_gradients


def test_gradients_are_summed_over_equal_rows():
    table = np.random.default_rng(0).normal(size=(5, 2, 3)).astype("f4")
    rows = np.array([[4, 1, -1], [1, 1, 0]], "i4")
    factors = np.random.default_rng(1).normal(size=(2, 3, 2, 3)).astype("f4")

    def total(table):
        return ops.sum(look_up(table, rows) * ops.convert_to_tensor(factors))

    value, (gradient,) = value_and_gradients(total, table)
    np.testing.assert_allclose(float(value), (table[rows] * factors).sum(), rtol=1e-5)
    expected = np.zeros_like(table)
    np.add.at(expected, rows, factors)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5)


def positions_of(layer):
    """A position embedding whose positions are the inputs."""
    tokens = keras.Input((None,), dtype="int32")
    return keras.Model(tokens, layer(ops.ones_like(tokens)[..., None], positions=tokens))


@pytest.mark.parametrize(
    "model",
    [
        lambda: keras.Sequential([ReversibleEmbedding(5, 3)]),
        lambda: positions_of(PositionEmbedding(5)),
        lambda: keras.Sequential([RelativePositionBias(3, 4)]),
    ],
)
def test_an_optimizer_takes_the_sum_of_equal_rows(model):
    """Adam's first step is as long for each number, however large its gradient."""
    model = model()
    rows = np.array([[1, 1, 1, 2], [1, 3, 3, 1]], "i4")
    model.compile(keras.optimizers.Adam(0.1), lambda _, outputs: ops.mean(outputs))
    model(rows)
    before = model.get_weights()[0]
    model.fit(rows, np.zeros((2, 4, 1), "f4"), epochs=1, verbose=0)
    moved = before - model.get_weights()[0]
    taken = np.abs(moved) > 1e-6
    assert taken.any(axis=1).sum() >= 3
    np.testing.assert_allclose(moved[taken], 0.1, rtol=1e-3)


def test_half_precision_sums_a_row_s_gradients_in_float32():
    model = keras.Sequential([ReversibleEmbedding(3, 2, dtype="mixed_bfloat16")])
    rows = np.full((1, 1003), 1, "i4")
    assert keras.backend.standardize_dtype(model(rows).dtype) == "bfloat16"

    def total(table):
        outputs, _ = model.stateless_call([table], [], rows)
        return ops.sum(ops.cast(outputs, "float32"))

    _, (gradient,) = value_and_gradients(total, model.get_weights()[0])
    np.testing.assert_array_equal(gradient, [[0, 0], [1003, 1003], [0, 0]])


def test_half_precision_projects_back_in_half_precision():
    layer = ReversibleEmbedding(3, 2, tie_weights=False, dtype="mixed_bfloat16")
    outputs = layer(np.ones((1, 4, 2), "f4"), reverse=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
