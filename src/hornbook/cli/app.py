"""The commands and their summaries; a command's own file is imported when it is called."""

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

import hornbook

# The order of the help text. Each summary is also the first line of the command's docstring.
COMMANDS = {
    "generate": "Continue a prompt, streaming.",
    "chat": "Talk with a model.",
    "train": "Train a model on text files, from scratch or from a preset.",
    "list": "List the model families and presets.",
    "show": "Show a model's config, size and files.",
    "convert": "Convert a GGUF file or a model folder to a Hugging Face folder.",
    "bench": "Compare with other libraries, side by side.",
    "doctor": "Check Python, Keras, the backends and their devices.",
}


def load(name: str) -> Any:
    """Imports a command's file and makes its click command."""
    function = importlib.import_module(f"hornbook.cli.{name}").command
    single = typer.Typer(rich_markup_mode=None, add_completion=False)
    single.command(name)(function)
    return get_command(single)


class LazyCommands(TyperGroup):
    """Lists commands by their summaries alone and loads the one that is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        name, placeholder, rest = super().resolve_command(ctx, args)
        return name, placeholder if name is None else load(name), rest


# Rich's help texts would double the time that `hornbook --help` takes.
app = typer.Typer(
    cls=LazyCommands,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hornbook {hornbook.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Pretrained language models for Keras 3.

    A model is a preset's name (see `hornbook list`), hf://owner/name, package://module/path, a
    folder, or a .gguf file.
    """


def _placeholder() -> None:
    raise AssertionError("a command is loaded before it is called")


for _name, _summary in COMMANDS.items():
    app.command(_name, help=_summary)(_placeholder)
