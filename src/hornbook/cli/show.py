"""`hornbook show`: what a checkpoint is, read from its headers."""

from collections import Counter
from math import prod
from typing import TYPE_CHECKING, Any

from hornbook.cli import console
from hornbook.cli.arguments import JsonOption, ModelArgument
from hornbook.cli.quantities import count, size

if TYPE_CHECKING:
    from hornbook.checkpoints.opened import OpenCheckpoint

BYTES_PER_PARAMETER = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}


def describe(model: str) -> dict[str, Any]:
    """Reads a checkpoint's config, headers and tokenizer; its weights stay on the disk."""
    from hornbook.backbones.backbone import config_to_dict
    from hornbook.checkpoints.opened import open_checkpoint

    opened = open_checkpoint(model)
    parameters = number_of_parameters(opened)
    return {
        "model": model,
        "path": str(opened.path),
        "format": "GGUF" if opened.gguf is not None else "safetensors",
        "family": opened.family.name,
        "tasks": [head.task for head in opened.family.heads],
        "parameters": parameters,
        "stored_types": stored_types(opened),
        "memory_bytes": {dtype: parameters * width for dtype, width in BYTES_PER_PARAMETER.items()},
        "config": config_to_dict(opened.config),
        "tokenizer": describe_tokenizer(opened),
        "files": {name: path.stat().st_size for name, path in files(opened).items()},
    }


def number_of_parameters(opened: "OpenCheckpoint") -> int:
    """The number of weights, heads included, without the buffers that some checkpoints hold."""
    from hornbook.checkpoints.weight_map import expand

    weights, heads = opened.rows()
    dropped = set().union(*(expand(rows, opened.config)[1] for rows in (weights, *heads.values())))
    tensors = opened.tensors
    return sum(prod(tensors.shape(name)) for name in tensors.names() if name not in dropped)


def stored_types(opened: "OpenCheckpoint") -> dict[str, int]:
    """How many tensors there are of each type in the file."""
    names = opened.tensors.names()
    if opened.gguf is not None:
        return dict(Counter(opened.gguf.tensor_type(name) for name in names).most_common())
    # Reading maps a tensor into memory without touching its bytes.
    return dict(Counter(opened.tensors.read(name).dtype.name for name in names).most_common())


def describe_tokenizer(opened: "OpenCheckpoint") -> dict[str, Any] | None:
    """The tokenizer's kind and size, or None where the checkpoint has none."""
    from hornbook.checkpoints.loading import read_tokenizer

    tokenizer = read_tokenizer(opened)
    if tokenizer is None:
        return None
    return {
        "class": type(tokenizer).__name__,
        "vocabulary_size": tokenizer.vocabulary_size(),
        "chat_template": tokenizer.chat_template is not None,
    }


def files(opened: "OpenCheckpoint") -> dict[str, Any]:
    """The checkpoint's files by name."""
    if opened.path.is_file():
        return {opened.path.name: opened.path}
    found = (path for path in opened.path.rglob("*") if path.is_file())
    return {str(path.relative_to(opened.path)): path for path in sorted(found)}


def command(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show a model's config, size and files.

    Only headers are read, so that this is quick for a model of any size.
    """
    console.quiet_libraries()
    with console.stderr().status(f"opening {model}"):
        found = describe(model)
    if as_json:
        console.write_json(found)
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    types = ", ".join(f"{name} x {number}" for name, number in found["stored_types"].items())
    memory = ", ".join(f"{size(value)} {name}" for name, value in found["memory_bytes"].items())
    tokenizer = found["tokenizer"]
    tokens = "none"
    if tokenizer is not None:
        chat = "with" if tokenizer["chat_template"] else "without"
        tokens = (
            f"{tokenizer['class']}, {tokenizer['vocabulary_size']:,} tokens, {chat} a chat template"
        )
    out = console.stdout()
    rows = {
        "family": f"{found['family']} ({', '.join(found['tasks'])})",
        "parameters": f"{count(found['parameters'])} ({found['parameters']:,})",
        "format": f"{found['format']}: {types}",
        "memory": memory,
        "tokenizer": tokens,
        "path": found["path"],
    }
    facts = console.table("model", found["model"])
    for name, value in rows.items():
        facts.add_row(name, value)
    config = console.table("config", "")
    for name, value in found["config"].items():
        config.add_row(name, str(value))
    listed = console.table("file", "size", right=("size",))
    for name, number_of_bytes in found["files"].items():
        listed.add_row(name, size(number_of_bytes))
    out.print(facts, "", config, "", listed, markup=False)
