"""The folder in which hornbook keeps what it can make again."""

import hashlib
import os
import platform
from pathlib import Path


def cache_folder() -> Path:
    """The cache: $HORNBOOK_CACHE, else $XDG_CACHE_HOME/hornbook, else ~/.cache/hornbook."""
    if folder := os.environ.get("HORNBOOK_CACHE"):
        return Path(folder).expanduser()
    if folder := os.environ.get("XDG_CACHE_HOME"):
        return Path(folder).expanduser() / "hornbook"
    return Path.home() / ".cache" / "hornbook"


def compilations_folder() -> Path:
    """Where compiled programs are kept, one folder for each kind of processor.

    A home may be shared by machines of which one lacks the instructions of another.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features = next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        features = platform.processor()
    kind = hashlib.sha256(f"{platform.machine()} {features}".encode()).hexdigest()[:12]
    return cache_folder() / "xla" / kind
