"""`hornbook convert`: any checkpoint that loads, written as a Hugging Face folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hornbook.cli import console
from hornbook.cli.arguments import Dtype, ModelArgument
from hornbook.cli.quantities import size
from hornbook.errors import CheckpointError

if TYPE_CHECKING:
    from hornbook.checkpoints.opened import OpenCheckpoint

HALVES = {"float16": {"float16", "F16"}, "bfloat16": {"bfloat16", "BF16"}}


def lossless_dtype(stored: set[str]) -> str:
    """The narrowest type that holds all floating point tensors exactly."""
    floats = {name for name in stored if not name.startswith(("int", "uint", "bool"))}
    return next((dtype for dtype, names in HALVES.items() if floats <= names), "float32")


def task_of(opened: "OpenCheckpoint") -> str:
    """The task whose head the checkpoint has, as its files say."""
    heads = opened.family.heads
    architectures = opened.json_file("config.json").get("architectures") or []
    named = [head.task for head in heads if head.hf_class in architectures]
    return str(opened.settings.get("task") or (named or [heads[0].task])[0])


def load(model: str, dtype: Dtype | None) -> Any:
    """Loads a checkpoint as what it is, in its own type or in `dtype`."""
    from hornbook.checkpoints.opened import open_checkpoint
    from hornbook.cli.show import stored_types
    from hornbook.tasks import TASKS

    opened = open_checkpoint(model)
    cls = TASKS[task_of(opened)][0]
    name = dtype.value if dtype else lossless_dtype(set(stored_types(opened)))
    return cls.from_preset(model, dtype=name)


def command(
    source: ModelArgument,
    target: Annotated[Path, typer.Argument(help="The folder to write.")],
    dtype: Annotated[
        Dtype | None,
        typer.Option(
            help="The type of the weights in the folder.",
            show_default="the source's; float32 for quantized and mixed ones",
        ),
    ] = None,
    max_shard_size: Annotated[
        str, typer.Option(help="Split the weights into files of at most this size.")
    ] = "5GB",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model in the folder.")
    ] = False,
) -> None:
    """Convert a GGUF file or a model folder to a Hugging Face folder.

    The folder loads in transformers and in hornbook. It is written aside and renamed, so that a
    conversion that fails leaves nothing behind.
    """
    if (target / "config.json").exists() and not overwrite:
        raise CheckpointError(f"{target} already holds a model; choose another, or --overwrite it")
    console.quiet_libraries()
    with console.stderr().status(f"loading {source}") as status:
        model = load(source, dtype)
        status.update(f"writing {target}")
        model.save_to_preset(target, max_shard_size=max_shard_size)
    written = [path for path in target.rglob("*") if path.is_file()]
    total = size(sum(path.stat().st_size for path in written))
    typer.echo(f"{target}: {len(written)} files, {total}, {model.backbone.token_embedding.dtype}")
