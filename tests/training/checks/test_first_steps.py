import keras
import numpy as np
import pytest

from hornbook.errors import HornbookWarning
from hornbook.training import FirstSteps
from hornbook.training.checks import first_steps

layers = keras.layers


class Spare(keras.Model):
    """A model with a layer that it makes, and builds, and never calls."""

    def __init__(self):
        super().__init__()
        self.used = layers.Dense(1)
        self.spare = layers.Dense(1, name="spare")
        self.spare.build((None, 2))

    def call(self, inputs):
        return self.used(inputs)


def train(model, watch, steps=8, **options):
    keras.utils.set_random_seed(0)
    model.compile(**{"optimizer": keras.optimizers.SGD(0.01), "loss": "mse", **options})
    x = np.random.default_rng(0).normal(size=(steps, 2)).astype("float32")
    model.fit(x, x.sum(axis=1), batch_size=1, verbose=0, callbacks=[watch])
    return [finding.code for finding in watch.findings]


def line():
    return keras.Sequential([keras.Input((2,)), layers.Dense(1)])


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8])
def test_a_model_that_learns_is_silent(steps):
    assert train(line(), FirstSteps(3), steps) == []


def test_weights_that_stay_as_they_are():
    watch = FirstSteps(3)
    with pytest.warns(HornbookWarning, match="No weight has changed in the first 3 steps"):
        assert train(line(), watch, optimizer=keras.optimizers.SGD(0.0)) == ["nothing_learned"]


def test_a_run_shorter_than_the_window_is_judged_at_its_end():
    with pytest.warns(HornbookWarning, match="in the first 4 steps"):
        train(line(), FirstSteps(20), 4, optimizer=keras.optimizers.SGD(0.0))


def test_two_steps_say_nothing():
    assert train(line(), FirstSteps(20), 2, optimizer=keras.optimizers.SGD(0.0)) == []


def test_gradients_that_are_gathered_first_are_waited_for():
    optimizer = keras.optimizers.SGD(0.01, gradient_accumulation_steps=6)
    assert train(line(), FirstSteps(3), 5, optimizer=optimizer) == []
    optimizer = keras.optimizers.SGD(0.0, gradient_accumulation_steps=2)
    with pytest.warns(HornbookWarning, match="in the first 8 steps"):
        train(line(), FirstSteps(4), 12, optimizer=optimizer)


def test_a_loss_that_is_no_number():
    with pytest.warns(HornbookWarning, match="The loss is (nan|inf)"):
        codes = train(line(), FirstSteps(4), optimizer=keras.optimizers.SGD(1e30))
    assert codes == ["loss_not_finite"]


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # as Keras says on two backends
def test_a_layer_that_is_made_and_never_called():
    optimizer = keras.optimizers.SGD(0.01)
    with pytest.warns(HornbookWarning) as warned:
        codes = train(Spare(), FirstSteps(4), optimizer=optimizer)
    assert codes == ["weights_not_used"]
    assert any("spare/kernel" in str(one.message) for one in warned)


def test_a_loss_that_does_not_depend_on_the_weights():
    class Nought(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return y_pred * 0

    optimizer = keras.optimizers.SGD(0.01, weight_decay=0.1)
    with pytest.warns(HornbookWarning) as warned:
        codes = train(line(), FirstSteps(4), optimizer=optimizer, loss=Nought())
    assert "loss_constant" in codes
    assert any("The loss is 0 in each of the first 4 steps" in str(one.message) for one in warned)


def same_batch(rate, noise=0.0, steps=8):
    """The findings of a run whose steps all see one batch, or one with noise in its labels."""
    keras.utils.set_random_seed(0)
    model, watch = line(), FirstSteps(6)
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="mse")
    random = np.random.default_rng(0)
    x = np.repeat(random.normal(size=(1, 4, 2)), steps, axis=0).astype("float32")
    y = x.sum(axis=2) + 3 + noise * random.normal(size=(steps, 4)).astype("float32")
    model.fit(x.reshape(-1, 2), y.reshape(-1), batch_size=4, shuffle=False, verbose=0,
              callbacks=[watch])  # fmt: skip
    return [finding.code for finding in watch.findings]


def test_a_loss_that_moves_by_no_more_than_rounding():
    with pytest.warns(HornbookWarning, match="in each of the first 6 steps"):
        assert same_batch(1e-7) == ["loss_constant"]


@pytest.mark.parametrize(("rate", "noise"), [(1e-4, 0.0), (1e-6, 0.01), (1e-3, 0.0)])
def test_a_loss_that_moves_slowly_is_silent(rate, noise):
    assert same_batch(rate, noise) == []


@pytest.mark.parametrize(("rate", "codes"), [(1e-2, []), (1e-8, ["loss_constant"])])
@pytest.mark.filterwarnings("ignore:The loss is")
def test_passes_of_one_step_are_judged_by_the_loss_of_each(rate, codes):
    keras.utils.set_random_seed(0)
    model, watch = line(), FirstSteps(6)
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="mse")
    x = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
    y = x.sum(axis=1) + 3
    # The validation's loss, which is another, is no part of it.
    model.fit(x, y, validation_data=(x, y + 9), epochs=5, verbose=0, callbacks=[watch])
    assert [finding.code for finding in watch.findings] == codes


def test_large_variables_are_left_out_and_small_ones_looked_at(monkeypatch):
    model = keras.Sequential([keras.Input((40,)), layers.Dense(40), layers.Dense(2)])
    assert len(first_steps.checksums(model)) == 4
    monkeypatch.setattr(first_steps, "LOOKED_AT", 600)
    assert [path.split("/")[-1] for path in first_steps.checksums(model)] == [
        "bias",
        "bias",
        "kernel",
    ]


def test_keras_may_still_run_ahead_of_the_accelerator():
    # Keras waits for each step if a callback looks at its end.
    from keras.src.utils import is_default

    watch = FirstSteps()
    assert is_default(watch.on_train_batch_end)
    assert is_default(watch.on_batch_end)
