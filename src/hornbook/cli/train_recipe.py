"""`hornbook train --recipe`: experiments that one file each describes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from hornbook.cli import console
from hornbook.errors import ConfigError

# The command's options, and what each changes in a recipe.
PARTS = {
    "epochs": ("training", "epochs"),
    "batch_size": ("training", "batch_size"),
    "steps_per_epoch": ("training", "steps_per_epoch"),
    "learning_rate": ("training", "learning_rate"),
    "data": ("data", "sources"),
    "vocabulary_size": ("tokenizer", "vocabulary_size"),
    "sequence_length": ("tokenizer", "sequence_length"),
    "layers": ("model", "num_layers"),
    "hidden_dim": ("model", "embedding_dim"),
    "heads": ("model", "num_heads"),
    "preset": ("pretrained", "preset"),
}


def run(
    names: Sequence[str], options: dict[str, Any], output: Path | None, check: bool, as_json: bool
) -> None:
    """Trains or checks recipes, and prints the table of all that is in the output folder.

    Args:
        names: of recipes, or their files.
        options: those of the command line that were given.
        output: the folder; None for a check that compares recipes with one another alone.
        check: look for mistakes and train nothing.
        as_json: print JSON.
    """
    from hornbook.training.recipes import check_recipes, read_recipe, results, run_recipe

    recipes = [changed(read_recipe(name), options) for name in names]
    if check:
        report(check_recipes(recipes, output), as_json)
        return
    assert output is not None
    from hornbook.cli.training_progress import TrainingProgress

    trained = []
    for recipe in recipes:
        trained += run_recipe(
            recipe, output, write=console.remark, callbacks=lambda steps: [TrainingProgress(steps)]
        )
    if as_json:
        console.write_json([vars(one) for one in trained])
        return
    show(results.merged(results.read(output), trained))
    for path in results.FILES:
        console.remark(f"{output / path}")


def changed(recipe: Any, options: dict[str, Any]) -> Any:
    """A recipe with what the command line says instead of it."""
    from dataclasses import replace

    for name, value in options.items():
        if name == "seed":
            recipe = replace(recipe, seed=value)
            continue
        part, key = PARTS[name]
        if recipe.pretrained is not None and name == "sequence_length":
            part = "pretrained"
        if getattr(recipe, part) is None or (recipe.pretrained and part in ("model", "tokenizer")):
            kind = "a pretrained" if recipe.pretrained else "a new"
            raise ConfigError(
                f"--{name.replace('_', '-')} has no meaning for recipe '{recipe.name}', which "
                f"trains {kind} model; leave it out"
            )
        recipe = recipe.with_values(part, **{key: value})
    return recipe


def show(found: Sequence[Any]) -> None:
    """Prints the table, the parts' parameters, and what can't be compared."""
    from hornbook.training.recipes import results

    table = console.table(*results.COLUMNS, right=results.COLUMNS[1:])
    for row in results.rows(found):
        table.add_row(*row)
    console.stdout().print(table)
    for one in found:
        parts = ", ".join(f"{name} {count:,}" for name, count in one.parts.items())
        typer.echo(f"{one.name}: {parts}")
    for finding in results.compare(found):
        typer.echo(f"{results.MARK} {finding.message}")


def report(findings: Sequence[Any], as_json: bool) -> None:
    """Prints findings, and exits with 1 if there are any."""
    if as_json:
        console.write_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{finding.severity}: {finding.code}: {finding.message}")
        if not findings:
            typer.echo("nothing found")
    if findings:
        raise typer.Exit(1)
