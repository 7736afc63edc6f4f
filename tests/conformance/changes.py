"""Configs that differ from a tiny one in a single field: a field that does nothing is found out."""

import dataclasses
from collections.abc import Iterable, Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from conformance.cases import FIRST_CASES, Case
from hornbook.layers.activation import ACTIVATIONS
from hornbook.layers.rope_scaling import RopeScaling


@cache
def changed(case: Case, field: str) -> tuple[Any, ...]:
    """The case's config with another value in one field, and with None where that may stand there.

    Each still makes a model.
    """
    configs = [
        next(_with_each(case, field, values), None)
        for values in (_other_values(case, field), _none(case, field))
    ]
    made = tuple(config for config in configs if config is not None)
    if not made:
        raise AssertionError(
            f"No other value is known for {case.family.config_class.__name__}.{field}; give one "
            "of the family's tiny configs a value of its own there."
        )
    return made


def _with_each(case: Case, field: str, values: Iterable[Any]) -> Iterator[Any]:
    """The configs with one of the values that make a model."""
    for value in values:
        config = dataclasses.replace(case.config, **{field: value})
        try:
            case.family.build(config)
        except ValueError:
            continue
        if getattr(config, field) == value:
            yield config


def _other_values(case: Case, field: str) -> Iterator[Any]:
    now, kinds = getattr(case.config, field), kinds_of(case, field)
    others = [getattr(config, field) for config in case.family.tiny.values()]
    if isinstance(now, tuple) and now[::-1] != now:
        yield now[::-1]  # a pattern over layers; another config's may be longer than the layers
    yield from (value for value in others if value not in (now, None))
    if field == "activation":
        yield from (name for name in ACTIVATIONS if name != now)
    elif bool in kinds:
        yield not now
    elif int in kinds:
        yield from (value for value in ((now or 3) * 2, (now or 3) + 1) if value != now)
        if isinstance(now, int) and now > 1:
            yield from (value for value in range(now - 1, 0, -1))
    elif float in kinds:
        yield now * 2 + (0.125 if now == 0 else 0)
    elif RopeScaling in kinds and now is None:
        yield RopeScaling("linear", 3.0)


def _none(case: Case, field: str) -> list[None]:
    """None, where a field may be None and isn't."""
    is_other = NoneType in kinds_of(case, field) and getattr(case.config, field) is not None
    return [None] if is_other else []


def kinds_of(case: Case, field: str) -> tuple[Any, ...]:
    """The types that a field's value may have."""
    hint = get_type_hints(case.family.config_class)[field]
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


FIELDS = [
    (case, field.name)
    for case in FIRST_CASES
    for field in dataclasses.fields(case.family.config_class)
]
"""Every field of every family's config, with the family's first tiny config."""
