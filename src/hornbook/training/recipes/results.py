"""What came out of training runs, as rows of a table."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from hornbook.training.checks.finding import Finding, listed

MARK = "*"
FILES = ("results.json", "results.csv", "results.md")


@dataclass(frozen=True)
class RunResult:
    """One finished run.

    Attributes:
        recipe: its name.
        point: the values of the recipe's grid.
        digest: of all that the result depends on (see `Recipe.digest`).
        seed: of the run.
        loss: the last epoch's, as are the next three; of no value without validation.
        perplexity: likewise.
        val_loss: likewise.
        val_perplexity: likewise.
        milliseconds_per_step: of a training step, the first two left out.
        parameters: of the whole model.
        batch_size: rows in a step.
        steps: that were taken.
        parts: the parameters of each layer.
        history: metric to its value after each epoch.
        samples: the texts written after each epoch.
        findings: what preflight and the first steps said.
    """

    recipe: str
    point: dict[str, Any]
    digest: str
    seed: int
    loss: float
    perplexity: float
    val_loss: float
    val_perplexity: float
    milliseconds_per_step: float
    parameters: int
    batch_size: int
    steps: int
    parts: dict[str, int] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)
    samples: dict[str, list[str]] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The recipe, and what of the grid it was tried with."""
        return run_name(self.recipe, self.point)

    @property
    def folder(self) -> Path:
        """Where the run's files are kept, below the output folder."""
        point = "-".join(f"{key}_{value}" for key, value in self.point.items())
        return Path(self.recipe, point)


@dataclass(frozen=True)
class PlannedRun:
    """A run that is still to come: what is known of it.

    Attributes:
        name: the recipe, and what of the grid it will be tried with.
        seed: of the run.
        batch_size: rows in a step.
    """

    name: str
    seed: int
    batch_size: int


def run_name(recipe: str, point: dict[str, Any]) -> str:
    """A recipe's name, and the values of its grid."""
    return " ".join([recipe, *(f"{key}={value}" for key, value in point.items())])


COLUMNS = (
    "name", "loss", "perplexity", "val_loss", "val_perplexity", "milliseconds_per_step",
    "parameters", "batch_size", "steps", "seed",
)  # fmt: skip


def compare(results: Sequence[RunResult]) -> list[Finding]:
    """Says which runs can't be compared with the first, as their batch size is another."""
    others = [one.name for one in results if one.batch_size != results[0].batch_size]
    return [_batch_size_differs(others, "trained", results[0])] if others else []


def compare_planned(before: Sequence[RunResult], planned: Sequence[PlannedRun]) -> list[Finding]:
    """Says before training what `compare` will say of the results, where a new run is part of it.

    Args:
        before: the results that there are.
        planned: the runs that will join them, or take the place of those of their name and seed.
    """
    found: dict[Any, RunResult | PlannedRun] = {(one.name, one.seed): one for one in before}
    found.update({(one.name, one.seed): one for one in planned})
    runs = list(found.values())
    others = [one for one in runs if one.batch_size != runs[0].batch_size]
    names = [one.name for one in others if isinstance(one, PlannedRun) or runs[0] in planned]
    return [_batch_size_differs(names, "will train", runs[0])] if names else []


def _batch_size_differs(names: list[str], do: str, first: RunResult | PlannedRun) -> Finding:
    return Finding(
        "batch_size_differs",
        f"{listed(names)} {do} with another batch size than '{first.name}' "
        f"({first.batch_size}), so in as many epochs with another number of steps: what they "
        "gain or lose may come of that alone; train both with one batch size.",
    )


def rows(results: Sequence[RunResult]) -> list[list[str]]:
    """The table's cells, column by column of `COLUMNS`; another batch size bears a mark."""
    return [[_cell(one, column, results[0]) for column in COLUMNS] for one in results]


def _cell(result: RunResult, column: str, first: RunResult) -> str:
    value = getattr(result, column)
    if isinstance(value, float):
        return f"{value:.4g}"
    if column == "batch_size" and value != first.batch_size:
        return f"{value}{MARK}"
    return f"{value:,}" if isinstance(value, int) and column != "seed" else str(value)


def markdown(results: Sequence[RunResult]) -> str:
    """The table in Markdown, and under it what can't be compared."""
    lines = [COLUMNS, ["---", *["---:"] * (len(COLUMNS) - 1)], *rows(results)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    remarks = [f"{MARK} {finding.message}" for finding in compare(results)]
    return "\n\n".join([table, *remarks]) + "\n"


def comma_separated(results: Sequence[RunResult]) -> str:
    """The table as CSV, with numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(one, column) for column in COLUMNS] for one in results)
    return text.getvalue()


def write(results: Sequence[RunResult], folder: Path) -> list[Path]:
    """Writes `FILES`: all that is known as JSON, the table as CSV and as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = json.dumps([asdict(one) for one in results], indent=2) + "\n"
    contents = (whole, comma_separated(results), markdown(results))
    for name, text in zip(FILES, contents, strict=True):
        (folder / name).write_text(text, "utf-8")
    return [folder / name for name in FILES]


def read(folder: Path) -> list[RunResult]:
    """Reads what `write` wrote; nothing where there is nothing yet."""
    path = folder / FILES[0]
    if not path.is_file():
        return []
    return [from_json(values) for values in json.loads(path.read_text("utf-8"))]


def from_json(values: dict[str, Any]) -> RunResult:
    """The result that `dataclasses.asdict` was given; keys of another version are left out."""
    known = {part.name for part in fields(RunResult)}
    return RunResult(**{key: value for key, value in values.items() if key in known})


def merged(before: Sequence[RunResult], new: Sequence[RunResult]) -> list[RunResult]:
    """Earlier results and new ones, each in the place of an earlier one of its name and seed."""
    found = {(one.name, one.seed): one for one in before}
    found.update({(one.name, one.seed): one for one in new})
    return list(found.values())
