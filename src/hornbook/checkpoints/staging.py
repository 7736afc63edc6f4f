"""Writing several files into a folder so that either all of them arrive, or none."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staging_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder inside `folder`, which is made if need be; gone at the end.

    If the body raises, a `folder` that was made for it goes too.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with staging_folder(folder) as staging:
        ...     _ = (staging / "config.json").write_text("{}")
        ...     publish(staging, folder, ["config.json"])
        >>> [path.name for path in folder.iterdir()]
        ['config.json']
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    # In the same folder and not in /tmp: a rename is only atomic within one file system.
    staging = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
    try:
        yield staging
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        for path in missing:
            path.rmdir()
        raise
    shutil.rmtree(staging)


def publish(staging: Path, folder: Path, names: Sequence[str]) -> None:
    """Renames `names` from `staging` into `folder`, over what is there; all of them, or none.

    A single file replaces its forerunner in one step. Of several, the last is the one that makes
    the others count (an index, say): it is the first to be taken away and the last to arrive, so
    that even a killed process never leaves an index over a mixture of old and new files.
    """
    replaced = staging / "replaced"
    replaced.mkdir()
    try:
        if len(names) > 1:
            for name in reversed(names):
                if (folder / name).exists():
                    (folder / name).replace(replaced / name)
        for name in names:
            (staging / name).replace(folder / name)
    except BaseException:
        for name in names:
            if not (staging / name).exists():
                (folder / name).unlink()
        for path in replaced.iterdir():
            path.replace(folder / path.name)
        raise
