"""From what a user names to a checkpoint on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from hornbook.errors import PresetError

FORMS = (
    "a preset's name, hf://owner/name[@revision], package://module/path, a folder, or a .gguf file"
)


@dataclass(frozen=True)
class Preset:
    """A named checkpoint.

    Attributes:
        name: what a user writes, such as "smollm2_135m_instruct".
        handle: where it is: hf://owner/name, or package://module/path.
        revision: the branch, tag or commit of a hub repository; None for the commit that
            revisions.json pins the repository to, or for its main branch if it is not there.
        parameters: how many there are.
        licence: its SPDX identifier, or LicenseRef- and a name for one that SPDX doesn't list.
        description: one sentence.
        distribution: what to install for a package:// handle, where the name isn't the module's.
    """

    name: str
    handle: str
    revision: str | None = None
    parameters: int | None = None
    licence: str = ""
    description: str = ""
    distribution: str | None = None


def resolve(
    handle: str | Path,
    known: Mapping[str, Preset],
    unavailable: Mapping[str, str] | None = None,
) -> Path:
    """Finds a checkpoint, and fetches or unpacks it if need be.

    Args:
        handle: a name in `known`; "hf://owner/name[@revision]", or the same with the path of a
            .gguf file after the name; "package://module/path" for a folder, a .gguf file or a
            zipped folder inside an installed package, which is not imported; the path of a folder
            or of a .gguf file. A name in `known` goes before a folder of the same name: write
            "./name" for the folder.
        known: the presets by name.
        unavailable: names of checkpoints that can't be read here, and of each a sentence that says
            why and what to take instead.

    Returns:
        A folder in Hugging Face's layout, or a `.gguf` file.

    Raises:
        PresetError: if the handle leads nowhere; the message says what was tried, and what to do.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> preset = Preset("mine", folder)
        >>> resolve("mine", {"mine": preset}) == Path(folder)
        True
    """
    if isinstance(handle, Path):
        return _local(handle)
    preset = known.get(handle, Preset(name=handle, handle=handle))
    scheme, separator, rest = preset.handle.partition("://")
    if not separator:
        if unavailable and handle in unavailable and not Path(handle).is_dir():
            raise PresetError(f"The preset '{handle}' can't be loaded: it is {unavailable[handle]}")
        return _local_or_unknown(preset.handle, known)
    # Imported here because every list of presets imports this module.
    if scheme == "hf":
        from hornbook.checkpoints import hub

        return hub.fetch(rest, preset.revision, pinned=handle in known)
    if scheme == "package":
        from hornbook.checkpoints import package_files

        return _local(package_files.find(rest, preset.distribution))
    raise PresetError(f"'{handle}' has the unknown scheme '{scheme}'; expected {FORMS}")


def _local_or_unknown(handle: str, known: Mapping[str, Preset]) -> Path:
    path = Path(handle).expanduser()
    if handle and (_exists(path) or _looks_like_a_path(handle)):
        return _local(path)
    if close := get_close_matches(handle, known, n=3):
        raise PresetError(
            f"There is no preset '{handle}'; did you mean {' or '.join(map(repr, close))}?"
        )
    if handle.count("/") == 1:
        raise PresetError(f"There is no folder '{handle}'; from the hub, it is 'hf://{handle}'")
    names = f"; there are {', '.join(sorted(known))}" if 0 < len(known) <= 20 else ""
    raise PresetError(f"There is no preset or folder '{handle}'{names}. Expected {FORMS}")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a text that is too long for a path, say
        return False


def _looks_like_a_path(handle: str) -> bool:
    return handle.startswith((".", "~", "/")) or handle.endswith(".gguf") or handle.count("/") > 1


def _local(path: Path) -> Path:
    """The path, if a checkpoint can be there."""
    if not _exists(path):
        raise PresetError(f"{path} doesn't exist; expected a model's folder or a .gguf file")
    if path.is_dir() or path.suffix == ".gguf":
        return path
    raise PresetError(
        f"{path} is neither a folder nor a .gguf file; of a model with several files, pass the "
        "folder that holds them"
    )
