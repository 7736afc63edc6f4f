"""`hornbook train`: a language model from text files, or a recipe's experiments, in one command."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hornbook.cli import console, train_recipe, train_windows
from hornbook.cli.arguments import JsonOption
from hornbook.cli.train_windows import DEFAULTS, FRESH_RATE, TUNING_RATE


def _default(name: str) -> str:
    return f"{DEFAULTS[name]}, or the recipe's"


DataOption = Annotated[
    list[str] | None,
    typer.Option(help="A text file, a folder of them, or package://module/path; repeatable."),
]
OutputOption = Annotated[
    Path | None, typer.Option(help="The folder for the model and its history, or the results.")
]
PresetOption = Annotated[
    str | None, typer.Option(help="The model to go on training.", metavar="MODEL")
]
FamilyOption = Annotated[
    str | None, typer.Option(help="The family of a new model (see `hornbook list`).")
]
RecipeOption = Annotated[
    list[str] | None,
    typer.Option(help="A recipe's name or .toml file; repeatable.", metavar="NAME"),
]
CheckOption = Annotated[
    bool, typer.Option("--check", help="Look for mistakes, and train nothing; exits with 1 if any.")
]
EpochsOption = Annotated[
    int | None, typer.Option(min=1, help="Passes over the text.", show_default=_default("epochs"))
]
BatchSizeOption = Annotated[
    int | None,
    typer.Option(min=1, help="Windows in a step.", show_default=_default("batch_size")),
]
StepsPerEpochOption = Annotated[
    int | None, typer.Option(min=1, help="End a recipe's passes early.", show_default="no")
]
SequenceLengthOption = Annotated[
    int | None,
    typer.Option(min=2, help="Tokens in a window.", show_default=_default("sequence_length")),
]
LearningRateOption = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="The highest.",
        show_default=f"{FRESH_RATE}; {TUNING_RATE} for a preset; or the recipe's",
    ),
]
VocabularySizeOption = Annotated[
    int | None,
    typer.Option(min=257, help="Of a new model.", show_default=_default("vocabulary_size")),
]
LayersOption = Annotated[
    int | None, typer.Option(min=1, help="Of a new model.", show_default=_default("layers"))
]
HiddenDimOption = Annotated[
    int | None, typer.Option(min=1, help="Of a new model.", show_default=_default("hidden_dim"))
]
HeadsOption = Annotated[
    int | None, typer.Option(min=1, help="Of a new model.", show_default=_default("heads"))
]
TrainingSeedOption = Annotated[
    int | None,
    typer.Option(
        min=0, help="Of weights and of the order of the text.", show_default=_default("seed")
    ),
]


def command(
    data: DataOption = None,
    output: OutputOption = None,
    preset: PresetOption = None,
    family: FamilyOption = None,
    recipe: RecipeOption = None,
    check: CheckOption = False,
    epochs: EpochsOption = None,
    batch_size: BatchSizeOption = None,
    steps_per_epoch: StepsPerEpochOption = None,
    sequence_length: SequenceLengthOption = None,
    learning_rate: LearningRateOption = None,
    vocabulary_size: VocabularySizeOption = None,
    layers: LayersOption = None,
    hidden_dim: HiddenDimOption = None,
    heads: HeadsOption = None,
    seed: TrainingSeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model on text files, from scratch or from a preset.

    Takes --preset, to go on training a model, or --family, to make a new one with a tokenizer of
    its own, and writes a Hugging Face folder with the history and its curve. Or takes --recipe, for
    experiments that a file describes, and writes a table of their results.
    """
    options = {
        "data": data or None,
        "preset": preset,
        "epochs": epochs,
        "batch_size": batch_size,
        "steps_per_epoch": steps_per_epoch,
        "sequence_length": sequence_length,
        "learning_rate": learning_rate,
        "vocabulary_size": vocabulary_size,
        "layers": layers,
        "hidden_dim": hidden_dim,
        "heads": heads,
        "seed": seed,
    }
    given = {name: value for name, value in options.items() if value is not None}
    _check_options(given, family, recipe, output, check)
    console.quiet_libraries()
    if output is not None and not check:  # so that a wrong path is known before hours are lost
        output.mkdir(parents=True, exist_ok=True)
    if recipe:
        train_recipe.run(recipe, given, output, check, as_json)
    else:
        _train(given, family, output or Path(), check, as_json)


def _check_options(
    given: dict[str, Any],
    family: str | None,
    recipe: list[str] | None,
    output: Path | None,
    check: bool,
) -> None:
    preset = given.get("preset")
    if sum(map(bool, (recipe or preset, family))) != 1:
        raise typer.BadParameter(
            "expected either --preset or --family, or --recipe", param_hint="--preset"
        )
    if not recipe and "steps_per_epoch" in given:
        raise typer.BadParameter("only recipes take it", param_hint="--steps-per-epoch")
    if not recipe and "data" not in given:
        raise typer.BadParameter("expected the text to train on", param_hint="--data")
    if output is None and not check:
        raise typer.BadParameter("expected the folder for the results", param_hint="--output")
    if given.get("learning_rate") == 0 and not check:
        raise typer.BadParameter("nothing is learned at 0", param_hint="--learning-rate")


def _train(
    given: dict[str, Any], family: str | None, output: Path, check: bool, as_json: bool
) -> None:
    from hornbook.training import preflight, read_texts

    preset = given.get("preset")
    options = {**DEFAULTS, "learning_rate": TUNING_RATE if preset else FRESH_RATE, **given}
    texts = read_texts(options["data"])
    with console.stderr().status("preparing"):
        model, windows = train_windows.prepare(texts, preset, family, options)
    console.remark(
        f"{len(texts)} texts, {windows[1].size:,} tokens, {model.count_params():,} parameters"
    )
    arguments = train_windows.fit_arguments(model, windows, options)
    if check:
        train_recipe.report(preflight(model, **arguments), as_json)
        return
    history = train_windows.fit(model, arguments)
    final = {name: values[-1] for name, values in history.items()}
    result = {**final, **train_windows.save(model, history, output)}
    if as_json:
        console.write_json(result)
        return
    for name, value in result.items():
        typer.echo(f"{name}: {value}")
