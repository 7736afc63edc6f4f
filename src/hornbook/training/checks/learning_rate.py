"""A learning rate under which nothing, or nonsense, is learned."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import ml_dtypes

from hornbook.training.checks.finding import Finding, Run

ROUNDING = 1e-6  # a rate that is smaller than this share of the greatest is zero


def check(run: Run) -> Iterator[Finding]:
    """Looks at the rate of the first and last two steps.

    A rate of zero at the first step alone is a warm-up, and at the last alone the end of a decay.
    """
    optimizer = run.model.optimizer
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer
    rate = getattr(optimizer, "_learning_rate", None)
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        yield from _check_schedule(rate, int(optimizer._iterations), run.steps)
    elif rate is not None and not callable(rate) and not run.rate_is_set:
        yield from _check_constant(float(rate))


def check_precision(run: Run) -> Iterator[Finding]:
    """Looks for weights so coarse that Adam's correction of its start rounds to nothing.

    Keras computes it in each weight's own dtype, where bfloat16 makes 1 of a beta_2 of 0.999.
    """
    optimizer = run.model.optimizer
    beta = getattr(optimizer, "beta_2", None)
    coarse = [
        variable.path
        for variable in run.model.trainable_variables
        if keras.backend.standardize_dtype(variable.dtype) == "bfloat16"
    ]
    if beta is not None and coarse and ml_dtypes.bfloat16(beta) == 1:
        yield Finding(
            "rate_rounds_to_zero",
            f"{type(optimizer).__name__} never changes the {len(coarse)} weights in bfloat16, in "
            f'which its beta_2 of {beta} is 1; load the model with dtype="mixed_bfloat16", or pass '
            "beta_2=0.99.",
        )


def _check_constant(rate: float) -> Iterator[Finding]:
    if rate == 0:
        yield Finding(
            "zero_rate",
            "The learning rate is 0, so nothing will be learned; compile with a rate above 0.",
        )
    elif not math.isfinite(rate) or rate < 0:
        yield _unusable(rate, "")


def _check_schedule(schedule: Any, first: int, steps: int | None) -> Iterator[Finding]:
    steps = steps or 2
    last = first + steps - 1
    probes = sorted({first, min(first + 1, last), max(last - 1, first), last})
    beginning, *values = rates_at(schedule, [0, *probes])
    least = ROUNDING * max(map(abs, [beginning, *values]))
    for step, value in zip(probes, values, strict=True):
        if not math.isfinite(value) or value < -least:
            yield _unusable(value, f" at step {step:,}")
            return
    if max(values[:2]) <= least:
        yield Finding("zero_rate", _why_zero(schedule, first))
    elif max(values[-2:]) <= least:
        begin = _first_zero(schedule, probes[values.index(max(values[:2]))], last, least)
        yield Finding(
            "rate_ends_early",
            f"The learning rate is 0 from step {begin - first:,} of {steps:,} on, so the rest "
            "teaches nothing; let the schedule last for epochs x batches steps.",
        )


def _why_zero(schedule: Any, first: int) -> str:
    what = f"The learning rate is 0 from step {first:,} on, so nothing will be learned"
    for name in ("decay_steps", "first_decay_steps"):
        length = getattr(schedule, name, 1)
        if _is_number(length) and int(length) <= 0:
            length = int(length)
            return (
                f"{what}: the schedule's {name} is {length:,}, as comes of a dataset whose "
                "cardinality() is unknown (-2) or infinite (-1); count the batches once, and pass "
                f"{name}=epochs * batches."
            )
    if first:
        return (
            f"{what}: the optimizer has taken {first:,} steps already, and its schedule has ended; "
            "compile again with a new schedule."
        )
    return f"{what}; give the schedule a rate above 0 and as many steps as epochs x batches."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or getattr(value, "shape", None) == ()


def _unusable(rate: float, where: str) -> Finding:
    return Finding(
        "rate_not_usable",
        f"The learning rate{where} is {rate}; expected a finite number above 0: compile with "
        "another rate or schedule.",
        "error",
    )


def _first_zero(schedule: Any, low: int, high: int, least: float) -> int:
    """The step from which the rate is zero, by bisection: positive at `low`, zero at `high`."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if rates_at(schedule, [middle])[0] > least else (low, middle)
    return high


def rates_at(schedule: Any, steps: Sequence[int]) -> list[float]:
    """A schedule's rates at some steps, counted from 0.

    Each operation runs by itself: compiled together, JAX multiplies by the inverse where it should
    divide, and a rate of 0 may come out as one just below it.
    """
    rates = [schedule(keras.ops.convert_to_tensor(step, "int32")) for step in steps]
    return [float(keras.ops.convert_to_numpy(rate)) for rate in rates]
