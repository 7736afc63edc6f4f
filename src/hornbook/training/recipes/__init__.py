"""Training runs that one file describes: a model, its text, how it is trained, what is varied.

The .toml files beside this one are those that `hornbook train --recipe NAME` knows by name.
"""

from typing import Any

from hornbook.lazy import load

_EXPORTS = {
    "Recipe": "hornbook.training.recipes.recipe",
    "RunResult": "hornbook.training.recipes.results",
    "build_model": "hornbook.training.recipes.model",
    "check_recipe": "hornbook.training.recipes.search",
    "check_recipes": "hornbook.training.recipes.search",
    "names": "hornbook.training.recipes.recipe",
    "read_recipe": "hornbook.training.recipes.recipe",
    "run_recipe": "hornbook.training.recipes.search",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
