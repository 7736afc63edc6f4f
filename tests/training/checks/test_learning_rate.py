import keras
import numpy as np
import pytest

from hornbook.training.checks import learning_rate

schedules = keras.optimizers.schedules


class OldPolynomialDecay(schedules.LearningRateSchedule):
    """Linear decay to 0 that takes a negative number of steps, as older Keras does."""

    def __init__(self, rate, decay_steps):
        self.rate = rate
        self.decay_steps = decay_steps

    def __call__(self, step):
        step = keras.ops.minimum(keras.ops.cast(step, "float32"), float(self.decay_steps))
        return self.rate * (1 - step / float(self.decay_steps))


@pytest.fixture
def found(bigrams, rows):
    """The findings for a rate over six steps."""

    def run(rate, **arguments):
        model = bigrams(keras.optimizers.SGD(rate))
        return list(_findings(model, rows, **arguments))

    return run


def _findings(model, rows, **arguments):
    from hornbook.training import preflight

    return preflight(model, *rows, batch_size=1, **{"epochs": 2, **arguments})


def test_a_schedule_over_a_dataset_of_unknown_size_never_learns(found):
    (finding,) = found(OldPolynomialDecay(5e-5, -2 * 6))
    assert finding.code == "zero_rate"
    assert "decay_steps is -12" in finding.message
    assert "cardinality()" in finding.message
    assert "count the batches" in finding.message


@pytest.mark.parametrize(
    ("rate", "code"),
    [
        (0.0, "zero_rate"),
        (float("nan"), "rate_not_usable"),
        (-1e-3, "rate_not_usable"),
        (OldPolynomialDecay(1.0, 3), "rate_ends_early"),
        (OldPolynomialDecay(float("nan"), 6), "rate_not_usable"),
        (schedules.PiecewiseConstantDecay([4], [1.0, float("inf")]), "rate_not_usable"),
        (schedules.PiecewiseConstantDecay([4], [1.0, -1.0]), "rate_not_usable"),
    ],
)
def test_rates_that_teach_nothing_are_found(found, rate, code):
    (finding,) = found(rate)
    assert finding.code == code
    assert finding.severity == ("error" if code == "rate_not_usable" else "warning")


@pytest.mark.parametrize(
    "rate",
    [
        1e-3,
        OldPolynomialDecay(1.0, 6),
        OldPolynomialDecay(1.0, 5),  # 0 at the last step alone
        schedules.CosineDecay(0.0, 4, warmup_target=1.0, warmup_steps=2),  # and here at the first
    ],
)
def test_ordinary_rates_are_not(found, rate):
    assert found(rate) == []


def test_it_says_from_which_step_on(found):
    (finding,) = found(OldPolynomialDecay(1.0, 3))
    assert "0 from step 3 of 6 on" in finding.message


def test_a_schedule_that_has_run_out_is_told_from_one_that_never_began(bigrams, rows):
    model = bigrams(keras.optimizers.SGD(schedules.PolynomialDecay(0.1, 3, 0.0)))
    model.fit(*rows, batch_size=1, verbose=0)
    (finding,) = _findings(model, rows)
    assert "has taken 3 steps already" in finding.message
    assert int(model.optimizer.iterations) == 3


def test_a_run_of_unknown_length_is_judged_by_its_beginning(bigrams, codes):
    for rate, expected in ((OldPolynomialDecay(1.0, 3), []), (0.0, ["zero_rate"])):
        model = bigrams(keras.optimizers.SGD(rate))
        assert codes(model, (batch for batch in ())) == expected


def test_a_callback_that_sets_the_rate_is_believed(found):
    setter = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    assert found(0.0, callbacks=[setter]) == []


def test_a_scaled_loss_does_not_hide_the_rate(bigrams, codes, rows):
    inner = keras.optimizers.SGD(0.0)
    assert codes(bigrams(keras.optimizers.LossScaleOptimizer(inner)), *rows) == ["zero_rate"]


def test_rates_are_those_of_the_schedule_itself():
    schedule = schedules.CosineDecay(0.0, 90, warmup_target=1e-3, warmup_steps=10)
    steps = [0, 1, 50, 99]
    expected = [float(keras.ops.convert_to_numpy(schedule(step))) for step in steps]
    np.testing.assert_allclose(learning_rate.rates_at(schedule, steps), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "beta_2", "codes"),
    [
        ("bfloat16", 0.999, ["rate_rounds_to_zero"]),
        ("bfloat16", 0.99, []),
        ("mixed_bfloat16", 0.999, []),
    ],
)
def test_adam_on_bfloat16_weights_is_said_where_it_learns_nothing(dtype, beta_2, codes):
    layer = keras.layers.Dense(1, dtype=dtype, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((2,)), layer])
    model.compile(keras.optimizers.Adam(0.1, beta_2=beta_2), "mse")
    x, y = np.ones((4, 2), "f4"), np.zeros((4, 1), "f4")
    assert [finding.code for finding in _findings(model, (x, y))] == codes
    model.fit(x, y, verbose=0)
    kernel = keras.ops.convert_to_numpy(layer.kernel).astype("f4")
    assert (kernel.max() == 1.0) == bool(codes)
