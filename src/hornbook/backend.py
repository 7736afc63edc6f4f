"""Which backend Keras runs on, decided before Keras is imported.

The order is: `KERAS_BACKEND`, else the backend in the user's `keras.json`, else the first of
jax, torch and tensorflow that is installed. Nothing here imports Keras or a backend.
"""

import importlib.util
import os
import sys
from pathlib import Path

from hornbook.errors import BackendError

BACKENDS = ("jax", "torch", "tensorflow")
INSTALL = {
    "jax": "pip install jax",
    "torch": "pip install 'hornbook[torch]'",
    "tensorflow": "pip install 'hornbook[tensorflow]'",
}


def installed(module: str) -> bool:
    """Says whether a top-level module can be imported, without importing it."""
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def keras_config_path() -> Path:
    """The path of the user's Keras configuration file, which need not exist."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "keras.json"


def choose() -> tuple[str | None, str]:
    """Picks a backend and says why; the name is None when none is installed."""
    if name := os.environ.get("KERAS_BACKEND"):
        return name, "the environment variable KERAS_BACKEND"
    if keras_config_path().is_file():
        return None, f"left to Keras, which reads {keras_config_path()}"
    for name in BACKENDS:
        if installed(name):
            return name, "the first installed of " + ", ".join(BACKENDS)
    return None, "no backend is installed"


def select() -> None:
    """Sets `KERAS_BACKEND` for a Keras that is not imported yet; a later call changes nothing."""
    if "keras" in sys.modules or os.environ.get("KERAS_BACKEND"):
        return
    name, _ = choose()
    if name is not None:
        os.environ["KERAS_BACKEND"] = name


def require() -> str:
    """Imports Keras and returns its backend's name.

    Raises:
        BackendError: when the backend is not installed, with the command that installs it.
    """
    select()
    name = os.environ.get("KERAS_BACKEND")
    if name in BACKENDS and not installed(name):
        raise BackendError(
            f"The backend '{name}' was asked for but is not installed; run: {INSTALL[name]}"
        )
    if name is None and not keras_config_path().is_file():
        raise BackendError(f"Keras has no backend here; install one, for example: {INSTALL['jax']}")
    try:
        import keras
    except ImportError as error:
        raise BackendError(f"Keras could not be imported: {error}") from error
    return keras.backend.backend()
