"""A checkpoint that has been found and understood: its family, its config and its tensors."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hornbook.checkpoints.checkpoint import TensorSource
from hornbook.checkpoints.config_map import read_config
from hornbook.checkpoints.gguf import GGUFFile
from hornbook.checkpoints.renamed_tensors import under_current_names
from hornbook.checkpoints.safetensors_files import SafetensorsFolder
from hornbook.checkpoints.source import resolve
from hornbook.checkpoints.weight_map import Row, expand, is_of_pooler, read_weights
from hornbook.errors import CheckpointError, ConfigError
from hornbook.families.family import Family
from hornbook.families.registry import (
    family_of_config,
    family_of_gguf,
    presets,
    unavailable_presets,
)

SETTINGS_FILE = "hornbook.json"


@dataclass(frozen=True)
class OpenCheckpoint:
    """What a handle led to.

    Attributes:
        path: a folder, or a `.gguf` file.
        family: the family that reads it.
        config: the family's config.
        gguf: the opened GGUF file, or None for a folder.
    """

    path: Path
    family: Family
    config: Any
    gguf: GGUFFile | None

    @cached_property
    def tensors(self) -> TensorSource:
        """The tensors, named as in a checkpoint that has a head."""
        if self.gguf is not None:
            return self.gguf
        return under_current_names(SafetensorsFolder(self.path), self.family.hf_prefix + ".")

    @property
    def settings(self) -> dict[str, Any]:
        """What hornbook itself wrote beside the files of the field; empty in others' folders."""
        return self.json_file(SETTINGS_FILE)

    def has_file(self, name: str) -> bool:
        """Whether the folder has a file."""
        return self.gguf is None and (self.path / name).is_file()

    def json_file(self, name: str) -> dict[str, Any]:
        """The contents of one of the folder's JSON files; empty where there is none."""
        return read_json(self.path / name) if self.has_file(name) else {}

    def weights(
        self,
        task: str | None,
        shapes: Mapping[str, tuple[int, ...]],
        *,
        head: Literal["required", "optional", "unread"] = "required",
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Path and value of each variable of a backbone, or with `task` of it and its head.

        A pooler that the checkpoint lacks as a whole is left out.

        Args:
            task: the task's name, or None for a backbone.
            shapes: the shape of every variable of the model, by path.
            head: "optional" leaves the task's head out where the checkpoint lacks all of it,
                "unread" in any case.
        """
        rows, heads = self.rows()
        pooler = tuple(row for row in rows if is_of_pooler(row))
        left_out = pooler if self._lacks(pooler) else ()
        kept = tuple(row for row in rows if row not in left_out)
        if task is not None:
            own = heads.get(task, ())
            if head == "unread" or (head == "optional" and self._lacks(own)):
                left_out = (*left_out, *self.family.head(task).weights)
            else:
                kept = (*kept, *own)
        unused, _ = self._sides(row for own in heads.values() for row in own)
        _, absent = self._sides(left_out)
        wanted = {path: shape for path, shape in shapes.items() if path not in absent}
        return read_weights(self.tensors, kept, self.config, wanted, unused=unused)

    def _lacks(self, rows: Iterable[Row]) -> bool:
        maps, _ = expand(rows, self.config)
        present = set(self.tensors.names())
        return not any(tensor in present for row in maps for tensor in row.tensors)

    def _sides(self, rows: Iterable[Row]) -> tuple[set[str], set[str]]:
        """All tensors and all variables that rows name."""
        maps, dropped = expand(rows, self.config)
        tensors = {tensor for row in maps for tensor in row.tensors}
        return tensors | dropped, {path for row in maps for path in row.variables}

    def rows(self) -> tuple[tuple[Row, ...], dict[str, tuple[Row, ...]]]:
        """The backbone's weight map in the checkpoint's format, and each task's head's."""
        if self.gguf is not None:
            assert self.family.gguf is not None
            return self.family.gguf.weights, dict(self.family.gguf.heads)
        return self.family.weights, {head.task: head.weights for head in self.family.heads}


def open_checkpoint(
    handle: str | Path,
    overrides: Mapping[str, Any] | None = None,
    wanted: Family | None = None,
) -> OpenCheckpoint:
    """Finds a checkpoint and reads its config; no weights are read.

    Args:
        handle: a preset's name, hf://owner/name[@revision], package://module/path, a folder, or a
            `.gguf` file.
        overrides: config attributes to set to other values, such as `dropout`.
        wanted: the family to read it as, where it can be read as several.

    Raises:
        PresetError: when the handle leads nowhere, or to a model of no known family.
        CheckpointError: when a file is missing or broken.
        ConfigError: when the config can't be read.
    """
    path = resolve(handle, presets(), unavailable_presets())
    opened = _open_gguf(path, wanted) if path.suffix == ".gguf" else _open_folder(path)
    if not overrides:
        return opened
    try:
        return replace(opened, config=replace(opened.config, **overrides))
    except TypeError as error:
        known = ", ".join(vars(opened.config))
        raise ConfigError(f"{error}; a {opened.family.title} config has {known}.") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        CheckpointError: when the file is missing, or holds something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path.parent} has no {path.name}; expected a folder in Hugging Face's format."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not readable JSON: {error}.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}; expected an object.")
    return content


def _open_folder(path: Path) -> OpenCheckpoint:
    raw = {**read_json(path / "config.json"), "tensors": _TensorNames(path)}
    family = family_of_config(raw)
    with _naming(path / "config.json"):
        config = read_config(raw, family.config, family.config_class)
    return OpenCheckpoint(path, family, config, None)


def _open_gguf(path: Path, wanted: Family | None) -> OpenCheckpoint:
    file = GGUFFile(path)
    family = family_of_gguf(file.architecture, str(file.metadata.get("general.name", "")), wanted)
    assert family.gguf is not None
    prefix = f"{file.architecture}."
    raw = {
        "{arch}." + key.removeprefix(prefix) if key.startswith(prefix) else key: value
        for key, value in file.metadata.items()
    }
    raw["tensors"] = tuple(file.names())
    raw |= {name: file.read(name) for name in file.names() if name.startswith("rope_")}
    with _naming(path):
        config = read_config(raw, family.gguf.config, family.config_class, strict="{arch}.")
    return OpenCheckpoint(path, family, config, file)


@dataclass(frozen=True)
class _TensorNames:
    """The names of a folder's tensors, read when one is asked for; none where it has no weights."""

    folder: Path

    def __contains__(self, name: str) -> bool:
        return name in self._names

    @cached_property
    def _names(self) -> Collection[str]:
        try:
            return SafetensorsFolder(self.folder).names()
        except CheckpointError:  # which the one who reads them will meet
            return ()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Says in a config error which file it is about."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
