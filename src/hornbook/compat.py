"""KerasNLP's import paths, for code that names more than its namespaces.

`import hornbook as keras_nlp` is enough for most code. What also says, for example, `from
keras_nlp.layers.modeling.reversible_embedding import ReversibleEmbedding` runs after `install()`,
with its imports as they are.

Example:
    >>> from hornbook import compat
    >>> compat.install("keras_nlp")
    >>> from keras_nlp.layers.modeling.reversible_embedding import ReversibleEmbedding
    >>> ReversibleEmbedding.__module__
    'hornbook.layers.embeddings'
"""

import importlib
import sys
from collections.abc import Sequence
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# The public namespaces, and how deep modules lie below the package in each.
NAMESPACES = {
    "layers": 3, "metrics": 2, "models": 3, "samplers": 2, "tokenizers": 2, "utils": 2,
}  # fmt: skip

# Names of `keras_nlp.utils`, and where they are.
UTILITIES = {
    "clone_initializer": "hornbook.layers.initializer:own_initializer",
    "gelu_approximate": "hornbook.layers.activation:gelu_approximate",
}


def install(name: str = "keras_nlp") -> None:
    """Makes `import keras_nlp`, and every path below it, lead to hornbook.

    It holds for this process, and whether or not KerasNLP is installed.

    Args:
        name: the package's name in the code: "keras_nlp" or "keras_hub".

    Raises:
        ImportError: when a package of that name was imported before.
    """
    if any(isinstance(finder, _Alias) and finder.name == name for finder in sys.meta_path):
        return
    if name in sys.modules:
        raise ImportError(f"{name} is imported already; call hornbook.compat.install first")
    sys.meta_path.insert(0, _Alias(name))


def lookup(path: Sequence[str], name: str) -> Any:
    """What KerasNLP's `path` exports as `name`, for example `(["layers", "modeling"], ...)`.

    Raises:
        AttributeError: when hornbook has nothing of that name.
    """
    if not path:
        return getattr(importlib.import_module("hornbook"), name)
    namespace = path[0]
    if namespace == "utils":
        return _utility(name)
    return getattr(importlib.import_module(f"hornbook.{namespace}"), name)


def _utility(name: str) -> Any:
    if name not in UTILITIES:
        raise AttributeError(
            f"keras_nlp.utils.{name} has no counterpart in hornbook; there are "
            f"{', '.join(UTILITIES)}"
        )
    module, attribute = UTILITIES[name].split(":")
    return getattr(importlib.import_module(module), attribute)


class _Alias(MetaPathFinder, Loader):
    """Finds `name` and all below its namespaces, as modules that hold nothing of their own."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, *below = fullname.split(".")
        below = _public(below)
        if package != self.name or (below and len(below) > NAMESPACES.get(below[0], 0)):
            return None
        if not fullname.islower():  # a class that is missing is no module
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        path = _public(module.__name__.split(".")[1:])
        vars(module)["__getattr__"] = partial(_attribute, path)


def _public(path: list[str]) -> list[str]:
    """A path without the `src` that KerasNLP 0.7 keeps its modules in."""
    return path[1:] if path[:1] == ["src"] else path


def _attribute(path: Sequence[str], name: str) -> Any:
    if name.startswith("__"):  # what the import system asks of every module
        raise AttributeError(name)
    return lookup(path, name)
