"""Configs that extend another family's, described with the attributes of both."""

import inspect
import re
from typing import Any


class DescribedConfig:
    """The base of a config dataclass whose docstring also describes what it inherits.

    A subclass lists under "Attributes:" what it adds, or describes anew; the rest is filled in.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        attributes: dict[str, str] = {}
        for base in reversed(cls.__mro__):
            attributes |= _attributes(vars(base).get("__doc__") or "")
        summary = inspect.cleandoc(vars(cls).get("__doc__") or "").partition("Attributes:")[0]
        cls.__doc__ = f"{summary.rstrip()}\n\nAttributes:\n{''.join(attributes.values())}"


def _attributes(doc: str) -> dict[str, str]:
    """What a docstring says of each attribute, by the names that the entry starts with."""
    described = inspect.cleandoc(doc).partition("Attributes:\n")[2]
    entries = re.findall(r"^ {4}(?! ).*\n?(?: {5,}.*\n?)*", described, re.MULTILINE)
    return {entry.partition(":")[0]: entry.rstrip("\n") + "\n" for entry in entries}
