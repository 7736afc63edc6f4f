"""Namespaces that load what they export on first use."""

import importlib
from collections.abc import Mapping
from typing import Any


def load(package: str, exports: Mapping[str, str], name: str) -> Any:
    """Answers a package's `__getattr__`: imports the module that holds a name.

    Args:
        package: the asking package.
        exports: public names, and the module that each is in.
        name: what was asked for.

    Raises:
        AttributeError: when the package doesn't export the name.

    Example:
        >>> load("shapes", {"sqrt": "math"}, "sqrt")(9)
        3.0
    """
    if name not in exports:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(importlib.import_module(exports[name]), name)
