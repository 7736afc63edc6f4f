"""Zipped model folders: unpacked once, safely, into hornbook's cache."""

import hashlib
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from hornbook.errors import PresetError
from hornbook.user_cache import cache_folder

MAX_BYTES = 64 * 2**30
MAX_FILES = 10_000
CHUNK_BYTES = 2**20


def unpacked(archive: Path, max_bytes: int = MAX_BYTES) -> Path:
    """The model folder in a zip file, unpacked into the cache unless it is there already.

    A copy in the cache belongs to the zip file's path, size and time of change: an updated package
    is unpacked again.

    Args:
        archive: a zip file with a model's folder at its root, or in a single top folder.
        max_bytes: the most that may be unpacked.

    Raises:
        PresetError: if the zip file is broken, holds no model, has links or paths that lead out of
            it, or more bytes than allowed.
    """
    folder = cache_folder() / "unpacked" / _key(archive)
    if not folder.is_dir():
        try:
            _unpack_aside(archive, folder, max_bytes)
        except OSError as error:
            raise PresetError(
                f"{archive} can't be unpacked into {folder}: {error}; the variable HORNBOOK_CACHE "
                "names another folder"
            ) from error
    return _model_folder(archive, folder)


def _key(archive: Path) -> str:
    status = archive.stat()
    identity = f"{archive.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"
    return f"{archive.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


def _unpack_aside(archive: Path, folder: Path, max_bytes: int) -> None:
    """Unpacks beside `folder` and renames, so that `folder` is complete or not there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder.parent) as aside:
        target = Path(aside, "content")
        target.mkdir()
        try:
            with zipfile.ZipFile(archive) as content:
                _unpack(archive, content, target, max_bytes)
        except (PresetError, OSError):
            raise
        except Exception as error:  # zipfile has a dozen kinds for broken or encrypted data
            raise PresetError(f"{archive} is not a readable zip file: {error}") from error
        try:
            target.rename(folder)
        except OSError:
            if not folder.is_dir():  # unless another process was faster
                raise


def _unpack(archive: Path, content: zipfile.ZipFile, target: Path, max_bytes: int) -> None:
    members = content.infolist()
    declared = sum(member.file_size for member in members)
    allowed = min(max_bytes, shutil.disk_usage(target).free)
    if declared > allowed or len(members) > MAX_FILES:
        raise PresetError(
            f"{archive} declares {len(members)} files of {declared} bytes together; at most "
            f"{MAX_FILES} files and {allowed} bytes can be unpacked into {target.parent.parent}"
        )
    for member in members:
        path = _safe_path(archive, member, target)
        if member.is_dir():
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            _unpack_file(archive, content, member, path)


def _safe_path(archive: Path, member: zipfile.ZipInfo, target: Path) -> Path:
    name = PurePosixPath(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename:
        raise PresetError(f"{archive} holds '{member.filename}', which leads out of its folder")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise PresetError(f"{archive} holds '{member.filename}', a link or no regular file")
    return target / name


def _unpack_file(
    archive: Path, content: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path
) -> None:
    # zipfile reads no further than the declared size, and compares the checksum there.
    with content.open(member) as packed, path.open("xb") as file:
        shutil.copyfileobj(packed, file, CHUNK_BYTES)
    if path.stat().st_size != member.file_size:
        raise PresetError(f"{archive} holds less of '{member.filename}' than it declares")


def _model_folder(archive: Path, folder: Path) -> Path:
    candidates = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    models = [candidate for candidate in candidates if (candidate / "config.json").is_file()]
    if folder in models:
        return folder
    if len(models) == 1:
        return models[0]
    raise PresetError(
        f"{archive} holds no model: expected a config.json at its root or in one top folder, found "
        f"{', '.join(sorted(path.name for path in folder.iterdir())) or 'nothing'}"
    )
