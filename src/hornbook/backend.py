"""Which backend Keras runs on, decided before Keras is imported.

The order is: `KERAS_BACKEND`, else the backend that the user wrote into `keras.json`, else the
first of jax, torch and tensorflow that is installed. Nothing here imports Keras or a backend.
"""

import importlib.util
import json
import os
import sys
from functools import cache
from pathlib import Path

from hornbook.allocator import keep_freed_memory
from hornbook.errors import BackendError
from hornbook.user_cache import compilations_folder

BACKENDS = ("jax", "torch", "tensorflow")
INSTALL = {
    "jax": "pip install jax",
    "torch": "pip install 'hornbook[torch]'",
    "tensorflow": "pip install 'hornbook[tensorflow]'",
}
COMPILATIONS_BYTES = 2 * 2**30
KEPT_SECONDS = 0.1
"""What took JAX longer to compile is kept; by itself it keeps what took a second."""
# Keras writes this file by itself when it is first imported, whatever backend it then runs on. So a
# file with exactly this content is nobody's choice.
KERAS_DEFAULTS = {
    "floatx": "float32",
    "epsilon": 1e-07,
    "backend": "tensorflow",
    "image_data_format": "channels_last",
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


def configured() -> str | None:
    """The backend in the user's `keras.json`, or None where nobody chose one."""
    try:
        config = json.loads(keras_config_path().read_text())
    except (OSError, ValueError):
        return None  # as Keras does
    if not isinstance(config, dict) or config == KERAS_DEFAULTS:
        return None
    return config.get("backend")


@cache
def choose() -> tuple[str | None, str]:
    """Picks a backend and says why; the name is None when none is installed.

    The first answer stays: `select` then sets `KERAS_BACKEND`, which is no reason of its own.
    """
    if keras := sys.modules.get("keras"):
        return keras.config.backend(), "Keras was imported before hornbook"
    if name := os.environ.get("KERAS_BACKEND"):
        return name, "the environment variable KERAS_BACKEND"
    if name := configured():
        return name, f"the file {keras_config_path()}"
    for name in BACKENDS:
        if installed(name):
            return name, "the first installed of " + ", ".join(BACKENDS)
    return None, "no backend is installed"


def select() -> None:
    """Sets `KERAS_BACKEND` for a Keras that is not imported yet, and what backends run best with.

    A later call changes nothing.
    """
    name, _ = choose()
    if name is not None:
        os.environ["KERAS_BACKEND"] = name
    if name == "jax":
        keep_compilations()
    keep_freed_memory()


def keep_compilations() -> None:
    """Lets JAX keep what it compiles for the next process, unless somebody decided on that.

    JAX's own variables say otherwise: `JAX_COMPILATION_CACHE_DIR` where, and
    `JAX_ENABLE_COMPILATION_CACHE=0` not at all.
    """
    if "jax" in sys.modules or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = compilations_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # nowhere to keep anything
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(COMPILATIONS_BYTES))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(KEPT_SECONDS))


def require() -> str:
    """Imports Keras and returns its backend's name.

    Raises:
        BackendError: when the backend is not installed, with the command that installs it.
    """
    select()
    name, _ = choose()
    if name in BACKENDS and not installed(name):
        raise BackendError(
            f"The backend '{name}' was asked for but is not installed; run: {INSTALL[name]}"
        )
    if name is None:
        raise BackendError(f"Keras has no backend here; install one, for example: {INSTALL['jax']}")
    try:
        import keras
    except ImportError as error:
        raise BackendError(f"Keras could not be imported: {error}") from error
    if keras.backend.backend() == "jax":
        run_at_once()
    return keras.backend.backend()


@cache
def run_at_once() -> None:
    """Lets JAX's CPU run a program in the thread that calls it, and not in one of its own.

    Those ask the system for a program's memory anew for each call, which takes a quarter of a
    training step (docs/decisions/kept_memory.md). Where JAX has computed something already it stays
    as it is. `jax.config.update("jax_cpu_enable_async_dispatch", True)`, after hornbook's import
    and before anything is computed, undoes it.
    """
    import jax

    jax.config.update("jax_cpu_enable_async_dispatch", False)
