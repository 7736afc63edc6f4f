"""Preflight: what would make a training run worthless, said before it starts."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras

from hornbook.errors import HornbookError, HornbookWarning, PreflightError
from hornbook.training.checks import first_rows, graph, labels, learning_rate, texts
from hornbook.training.checks.finding import Finding, Run
from hornbook.training.checks.first_steps import FirstSteps

CHECKS: tuple[Callable[[Run], Iterator[Finding]], ...] = (
    learning_rate.check,
    learning_rate.check_precision,
    graph.check,
    labels.check_vocabulary,
    labels.check_all_masked,
    labels.check_shift,
    labels.check_mask_token,
    texts.check,
)


def preflight(
    model: Any,
    x: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    *,
    preprocessor: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_split: float = 0.0,
    callbacks: Any = None,
    **arguments: Any,
) -> list[Finding]:
    """Looks for mistakes in a training run: takes the arguments of `fit`, and trains nothing.

    It checks the learning rate at the first and last steps, layers that lead nowhere, and in the
    first rows ids outside the vocabulary, labels that are the inputs or all masked, a loss or
    metric that counts padding, and texts cut off. Neither model nor data change: generators and
    iterable datasets are not looked into.

    Args:
        model: a compiled `keras.Model`, whether hornbook's or not.
        x: what `fit` is given: texts, arrays, or a dataset.
        y: labels.
        sample_weight: weights.
        preprocessor: what reads text; by default a task's own.
        batch_size: as in `fit`, and so are all that follow.
        epochs: likewise.
        initial_epoch: likewise.
        steps_per_epoch: likewise.
        validation_split: likewise.
        callbacks: likewise; one that sets the learning rate is believed.
        **arguments: others of `fit`, which have no part in it.

    Returns:
        One `Finding` a mistake; none for a run that looks right.

    Raises:
        PreflightError: when the model isn't compiled.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.0), "mse")
        >>> [finding.code for finding in preflight(model, np.ones((4, 1)), np.ones(4))]
        ['zero_rate']
    """
    if not getattr(model, "compiled", False) or model.optimizer is None:
        raise PreflightError("The model isn't compiled; call compile() with an optimizer first")
    preprocessor = preprocessor or getattr(model, "preprocessor", None)
    rows = None if x is None else first_rows.first_rows(x, y, sample_weight, batch_size)
    shortened, batch = first_rows.read(rows, preprocessor) if rows else ((), None)
    batches = steps_per_epoch
    if batches is None and x is not None:
        batches = first_rows.number_of_batches(x, batch_size, validation_split)
    run = Run(
        model,
        preprocessor,
        steps=batches * max(epochs - initial_epoch, 1) if batches else None,
        texts=shortened,
        batch=batch,
        rate_is_set=any(
            isinstance(callback, keras.callbacks.LearningRateScheduler)
            for callback in keras.tree.flatten(callbacks)
        ),
    )
    return [finding for check in CHECKS for finding in check(run)]


def before_fit(model: Any, x: Any, y: Any, arguments: dict[str, Any], stacklevel: int) -> Any:
    """Warns of what `preflight` finds, and watches the first steps.

    Args:
        model: the task.
        x: of `fit`, as are `y` and `arguments`.
        y: labels.
        arguments: the rest.
        stacklevel: of the warnings.

    Returns:
        The callbacks for `fit`: those given, and `FirstSteps`.

    Raises:
        PreflightError: for findings under which training can't make sense.
    """
    try:
        findings = preflight(model, x, y, **arguments)
    except HornbookError:
        findings = []  # the data can't be read, which fit says itself
    except Exception as error:
        findings = [
            Finding(
                "preflight_failed",
                f"The run couldn't be checked ({type(error).__name__}: {error}); it goes on, and "
                "fit(preflight=False) leaves the check out.",
            )
        ]
    errors = [finding for finding in findings if finding.severity == "error"]
    for finding in findings:
        if finding not in errors:
            warnings.warn(finding.message, HornbookWarning, stacklevel=stacklevel + 1)
    if errors:
        raise PreflightError(
            " ".join(finding.message for finding in errors)
            + " (fit(preflight=False) trains nevertheless.)"
        )
    callbacks = arguments.get("callbacks")
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    return [*keras.tree.flatten(callbacks or []), FirstSteps()]
