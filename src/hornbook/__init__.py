"""hornbook: pretrained language models for Keras 3.

The public namespaces load on first use, so that `import hornbook` imports neither Keras nor a
backend.

Example:
    >>> import hornbook
    >>> hornbook.__version__
    '0.1.0'
"""

import importlib
from types import ModuleType

from hornbook import backend as _backend

__version__ = "0.1.0"
__all__ = [
    "checkpoints",
    "compat",
    "layers",
    "losses",
    "metrics",
    "models",
    "samplers",
    "tokenizers",
    "training",
]

_backend.select()


def version() -> str:
    """The package's version, as `keras_nlp.version()` gives it."""
    return __version__


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module 'hornbook' has no attribute '{name}'")
    return importlib.import_module(f"hornbook.{name}")


def __dir__() -> list[str]:
    return [*__all__, "__version__", "version"]
