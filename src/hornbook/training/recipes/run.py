"""One training run of a recipe."""

import math
import random
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from hornbook import samplers
from hornbook.errors import BackendError, DataError, HornbookWarning
from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics import Perplexity
from hornbook.training.checks.finding import Finding, percent
from hornbook.training.checks.first_steps import FirstSteps
from hornbook.training.checks.preflight import preflight
from hornbook.training.checks.texts import SHARE as CUT_OFF
from hornbook.training.learning_curves import plot_history
from hornbook.training.recipes import text
from hornbook.training.recipes.model import PADDING, build_model, parameters
from hornbook.training.recipes.next_token_text import NextTokenText
from hornbook.training.recipes.recipe import Recipe
from hornbook.training.recipes.results import RunResult
from hornbook.training.text_sampler import TextSampler

Write = Callable[[str], object]

MEASURES = ("loss", "perplexity", "val_loss", "val_perplexity")


@dataclass(frozen=True)
class Prepared:
    """A compiled model and its data, ready to be checked or trained.

    Attributes:
        model: a compiled `keras.Model`.
        training: the batches to train on.
        validation: those held out.
        writer: what `TextSampler` has to generate with; None for the model itself.
        cut_off: the share of lines that are longer than the model reads.
    """

    model: Any
    training: text.RowBatches
    validation: text.RowBatches
    writer: Any
    cut_off: float


class StepTimer(keras.callbacks.Callback):
    """Measures training steps: not the first two of all, which may compile, nor samples.

    Steps are only sent to the accelerator while a pass goes on, so a pass is measured whole, up to
    the end of its last step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds, self.steps, self.all_steps = 0.0, 0, 0
        self._begin: float | None = None

    # Before a step and not after it, so that Keras needn't wait for each.
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self.all_steps == 2 or (batch == 0 and self.all_steps):
            self._wait()
            self._begin = time.perf_counter()
        self.steps += self._begin is not None
        self.all_steps += 1

    def on_test_begin(self, logs: Any = None) -> None:
        if self._begin is not None:
            self._wait()
            self.seconds += time.perf_counter() - self._begin
        self._begin = None

    def _wait(self) -> None:
        """Waits for the step that is under way, by reading a weight that it makes."""
        smallest = min(self.model.trainable_variables, key=lambda v: math.prod(v.shape))
        keras.ops.convert_to_numpy(smallest)

    @property
    def milliseconds(self) -> float:
        """Of a step, on average; 0 if there were too few."""
        return 1000 * self.seconds / self.steps if self.steps else 0.0


def prepare_run(recipe: Recipe, lines: text.Lines, tokenizer: Any) -> Prepared:
    """Makes a recipe's model and data; the grid has no part in it (see `Recipe.at`).

    Args:
        recipe: what to make.
        lines: the text.
        tokenizer: of a new model; None for a pretrained one.
    """
    # What Keras draws its seeds from; its own function would import TensorFlow.
    random.seed(recipe.seed)
    np.random.seed(recipe.seed)
    sampler = samplers.get(recipe.samples.sampler)
    sampler.seed = recipe.seed
    writer = None
    if recipe.pretrained is not None:
        model, rows = _pretrained(recipe, lines)
        options: dict[str, Any] = {"sampler": sampler}
    else:
        model, rows = _new(recipe, lines, tokenizer)
        writer = NextTokenText(model, tokenizer, sampler)
        options = {
            "loss": SparseTokenCrossentropy(mask_token_id=PADDING),
            "metrics": [Perplexity(from_logits=True, mask_token_id=PADDING)],
        }
    config = recipe.training
    training = text.RowBatches(rows[0], config.batch_size, recipe.seed, config.steps_per_epoch)
    validation = text.RowBatches(rows[1], config.batch_size, None)
    model.compile(optimizer=keras.optimizers.Adam(_rate(recipe, len(training))), **options)
    return Prepared(model, training, validation, writer, text.share_cut_off(rows[0]))


def _new(recipe: Recipe, lines: text.Lines, tokenizer: Any) -> tuple[Any, list[text.Rows]]:
    model = build_model(recipe.model, tokenizer.vocabulary_size(), recipe.sequence_length)
    parts = (lines.training, lines.validation)
    return model, [text.make_rows(tokenizer, part) for part in parts]


def _pretrained(recipe: Recipe, lines: text.Lines) -> tuple[Any, list[text.Rows]]:
    from hornbook.tasks import CausalLM

    assert recipe.pretrained is not None
    model: Any = CausalLM.from_preset(recipe.pretrained.preset)
    if model.preprocessor is None:
        raise DataError(f"{recipe.pretrained.preset} has no tokenizer, so it can't read text")
    rows = []
    for part in (lines.training, lines.validation):
        made = model.preprocessor(part, sequence_length=recipe.sequence_length)
        rows.append(text.Rows(*made))
    return model, rows


def _rate(recipe: Recipe, batches: int) -> Any:
    rate, epochs = recipe.training.learning_rate, recipe.training.epochs
    if recipe.training.schedule == "constant":
        return rate
    return keras.optimizers.schedules.PolynomialDecay(rate, epochs * batches, end_learning_rate=0.0)


def check(recipe: Recipe, prepared: Prepared) -> list[Finding]:
    """What preflight says of a run, and whether its lines are cut off."""
    findings = preflight(prepared.model, prepared.training, epochs=recipe.training.epochs)
    if prepared.cut_off >= CUT_OFF:
        findings.append(
            Finding(
                "texts_cut_off",
                f"{percent(prepared.cut_off)} of the lines of recipe '{recipe.name}' fill its "
                f"sequence_length of {recipe.sequence_length} tokens and are cut off there; raise "
                "it, or split the lines.",
            )
        )
    return findings


def run(
    recipe: Recipe,
    prepared: Prepared,
    point: dict[str, Any],
    *,
    write: Write | None = None,
    callbacks: Sequence[Any] = (),
) -> RunResult:
    """Trains, and gathers what came out.

    Args:
        recipe: of this one point.
        prepared: what `prepare_run` made of it.
        point: the values of the grid, for the result.
        write: what shows a line of a sample; None shows none.
        callbacks: others of `fit`.
    """
    findings = check(recipe, prepared)
    for finding in findings:
        warnings.warn(finding.message, HornbookWarning, stacklevel=2)
    timer, watch = StepTimer(), FirstSteps()
    sampler = TextSampler(
        recipe.samples.prompts,
        generator=prepared.writer,
        write=write or (lambda line: None),
        max_length=recipe.samples.max_length,
    )
    history = keras.Model.fit(
        prepared.model,
        prepared.training,
        validation_data=prepared.validation,
        epochs=recipe.training.epochs,
        callbacks=[timer, watch, *([sampler] if sampler.prompts else []), *callbacks],
        verbose=0,
    ).history
    curves = {name: [float(v) for v in values] for name, values in history.items()}
    return RunResult(
        recipe=recipe.name,
        point=point,
        digest=recipe.digest,
        seed=recipe.seed,
        **{name: curves[name][-1] for name in MEASURES},
        milliseconds_per_step=timer.milliseconds,
        parameters=prepared.model.count_params(),
        batch_size=recipe.training.batch_size,
        steps=timer.all_steps,
        parts=parameters(prepared.model),
        history=curves,
        samples={str(epoch): texts for epoch, texts in sampler.samples.items()},
        findings=[finding.message for finding in [*findings, *watch.findings]],
    )


def draw(result: RunResult, folder: Path) -> Path | None:
    """Draws a run's learning curve, where matplotlib is installed."""
    try:
        return plot_history(result.history, folder / result.folder / "history.png", result.name)
    except BackendError:
        return None
