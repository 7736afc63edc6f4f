"""Recipes run whole: their text read once, each point of their grid trained once."""

import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hornbook.errors import BackendError, HornbookWarning
from hornbook.training.checks.finding import Finding
from hornbook.training.recipes import run, text
from hornbook.training.recipes.recipe import Recipe
from hornbook.training.recipes.results import (
    PlannedRun,
    RunResult,
    compare_planned,
    from_json,
    merged,
    read,
    run_name,
)
from hornbook.training.recipes.results import write as write_results

Point = dict[str, Any]
Callbacks = Callable[[int], Sequence[Any]]

JOURNAL = "search.journal"


def points(recipe: Recipe) -> list[Point]:
    """All combinations of the grid's values; one empty point where there is no grid."""
    combinations = itertools.product(*recipe.grid.values())
    return [dict(zip(recipe.grid, values, strict=True)) for values in combinations]


def run_recipe(
    recipe: Recipe,
    output: str | Path,
    *,
    write: run.Write | None = None,
    callbacks: Callbacks | None = None,
) -> list[RunResult]:
    """Trains a recipe, or each point of its grid, and writes tables, curves and samples.

    A grid is gone through with Optuna, whose journal is kept beside the results: called again, it
    goes on where it was broken off, and does nothing over. Equal seeds give equal results. What
    can't be compared with the folder's results is warned of before it trains.

    Args:
        recipe: what to train.
        output: a folder. Its results.json, .csv and .md have a row for each run, those of other
            recipes included; each run has a folder with its picture.
        write: what shows a line, such as a sample; None shows none.
        callbacks: makes further callbacks of `fit` for a run of so many steps an epoch.

    Returns:
        The results, in the order of the grid.

    Raises:
        BackendError: for a grid without Optuna installed.
        DataError: when the text can't be read, or is too short.
    """
    output = Path(output)
    for finding in check_comparable([recipe], output):
        warnings.warn(finding.message, HornbookWarning, stacklevel=2)
    lines, tokenizer = _read(recipe)

    def train(point: Point) -> RunResult:
        single = recipe.at(point)
        prepared = run.prepare_run(single, lines, tokenizer)
        if write is not None:
            write(_described(single, point, prepared))
        more = callbacks(len(prepared.training)) if callbacks is not None else ()
        result = run.run(single, prepared, point, write=write, callbacks=more)
        run.draw(result, output)
        write_results(merged(read(output), [result]), output)
        return result

    if not recipe.grid:
        return [train({})]
    results = _search(recipe, output / recipe.name / JOURNAL, train)
    write_results(merged(read(output), results), output)
    return results


def check_recipe(recipe: Recipe, output: str | Path | None = None) -> list[Finding]:
    """What preflight says of a recipe, of each point of its grid, without training.

    Args:
        recipe: what would be trained.
        output: the folder of the results that it would be compared with.
    """
    return check_recipes([recipe], output)


def check_recipes(recipes: Sequence[Recipe], output: str | Path | None = None) -> list[Finding]:
    """The same of several recipes, whose results would stand in one table."""
    found: dict[str, Finding] = {}
    for recipe in recipes:
        lines, tokenizer = _read(recipe)
        for point in points(recipe):
            single = recipe.at(point)
            for finding in run.check(single, run.prepare_run(single, lines, tokenizer)):
                found.setdefault(finding.message, finding)
    return [*found.values(), *check_comparable(recipes, output)]


def check_comparable(recipes: Sequence[Recipe], output: str | Path | None) -> list[Finding]:
    """What can't be compared of recipes to be trained: with one another, or with a folder's."""
    planned = [
        PlannedRun(run_name(recipe.name, point), recipe.seed, recipe.at(point).training.batch_size)
        for recipe in recipes
        for point in points(recipe)
    ]
    return compare_planned(read(Path(output)) if output is not None else [], planned)


def _read(recipe: Recipe) -> tuple[text.Lines, Any]:
    lines = text.read_lines(recipe.data)
    if recipe.pretrained is not None:
        return lines, None
    return lines, text.train_tokenizer(recipe.tokenizer, lines.training)


def _described(recipe: Recipe, point: Point, prepared: run.Prepared) -> str:
    values = "".join(f" {name}={value}" for name, value in point.items())
    return (
        f"{recipe.name}{values}: {len(prepared.training.rows.labels):,} lines, "
        f"{prepared.cut_off:.0%} of them cut off at {recipe.sequence_length} tokens, "
        f"{prepared.model.count_params():,} parameters"
    )


def _search(recipe: Recipe, journal: Path, train: Callable[[Point], RunResult]) -> list[RunResult]:
    """Trains the points that no finished trial of an equal recipe has."""
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise BackendError(
            "A recipe with a grid needs Optuna; run: pip install 'hornbook[tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    done = _finished(optuna, storage, recipe)

    def objective(trial: Any) -> float:
        point = {name: trial.suggest_categorical(name, v) for name, v in recipe.grid.items()}
        result = train(point)
        trial.set_user_attr("result", asdict(result))
        done[_key(point)] = result
        return result.val_loss if math.isfinite(result.val_loss) else math.inf

    # A study's choices can't change, so a grid that was made larger is another study.
    name = f"{recipe.digest} {recipe.grid}"
    study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    for point in points(recipe):
        if _key(point) not in done:
            study.enqueue_trial(point)
            study.optimize(objective, n_trials=1)
    return [done[_key(point)] for point in points(recipe)]


def _finished(optuna: Any, storage: Any, recipe: Recipe) -> dict[str, RunResult]:
    found = {}
    for study in optuna.get_all_study_names(storage):
        if study.startswith(f"{recipe.digest} "):
            for trial in optuna.load_study(study_name=study, storage=storage).trials:
                if trial.state == optuna.trial.TrialState.COMPLETE:
                    found[_key(trial.params)] = from_json(trial.user_attrs["result"])
    return found


def _key(point: Point) -> str:
    return str(sorted(point.items()))
