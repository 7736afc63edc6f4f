"""All families, those of other packages included, and where a checkpoint's family is found."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

import hornbook.families
from hornbook.checkpoints.source import Preset
from hornbook.errors import ConfigError, PresetError
from hornbook.families.family import Family, GGUFFormat

ENTRY_POINT_GROUP = "hornbook.families"


@cache
def families() -> Mapping[str, Family]:
    """Every registered family by name.

    A folder of `hornbook.families` is registered by its `FAMILY`; another package registers one
    through an entry point of the group "hornbook.families" that leads to a `Family`.

    Raises:
        ConfigError: when two families claim one name.
    """
    found: dict[str, Family] = {}
    for module in pkgutil.iter_modules(hornbook.families.__path__):
        if module.ispkg:
            package = importlib.import_module(f"hornbook.families.{module.name}")
            found[module.name] = package.FAMILY
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        family = entry.load()
        if not isinstance(family, Family):
            raise ConfigError(
                f"The entry point '{entry.value}' in the group '{ENTRY_POINT_GROUP}' leads to "
                f"{type(family).__name__}, but must lead to a hornbook Family."
            )
        if family.name in found:
            raise ConfigError(f"Two packages register a family named '{family.name}'.")
        found[family.name] = family
    return found


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset of every family by name."""
    return {preset.name: preset for family in families().values() for preset in family.presets}


@cache
def unavailable_presets() -> Mapping[str, str]:
    """Names of checkpoints that can't be read here, and of each what to take instead."""
    named = (family.unavailable for family in families().values())
    return {name: reason for family in named for name, reason in family.items()}


def family_of_config(raw: Mapping[str, Any]) -> Family:
    """The family that a parsed `config.json` belongs to."""
    model_type = raw.get("model_type")
    for family in families().values():
        if model_type in family.hf_types:
            return family
    known = sorted(name for family in families().values() for name in family.hf_types)
    raise PresetError(
        f"The checkpoint's model_type is {model_type!r}, which no family here reads; "
        f"the known ones are {', '.join(known)}."
    )


def family_of_gguf(architecture: str, name: str = "", wanted: Family | None = None) -> Family:
    """The family that reads GGUF files of an architecture.

    Where there are several, it is the one that is wanted, else the one that the model's name
    tells, else the one whose files are not told by names.

    Args:
        architecture: the file's `general.architecture`.
        name: its `general.name`.
        wanted: a family that is preferred if it reads such files.
    """
    formats = [(family, family.gguf) for family in families().values() if family.gguf]
    readers = [pair for pair in formats if architecture in pair[1].architectures]
    if not readers:
        known = sorted({known for _, gguf in formats for known in gguf.architectures})
        raise PresetError(
            f"The GGUF file's architecture is {architecture!r}, which no family here reads; "
            f"the known ones are {', '.join(known)}."
        )

    def distance(reader: tuple[Family, GGUFFormat]) -> int:
        family, gguf = reader
        if family is wanted:
            return 0
        if any(part in name.lower() for part in gguf.names):
            return 1
        return 3 if gguf.names else 2

    return min(readers, key=distance)[0]
