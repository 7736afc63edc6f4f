"""Configs that differ from a tiny one in a single field: a field that does nothing is found out."""

import dataclasses
from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from conformance.cases import FIRST_CASES, Case
from hornbook.layers.activation import ACTIVATIONS
from hornbook.layers.rope_scaling import RopeScaling


@cache
def changed(case: Case, field: str) -> Any:
    """The case's config with another value in one field, which still makes a model."""
    for value in _other_values(case, field):
        config = dataclasses.replace(case.config, **{field: value})
        try:
            case.family.build(config)
        except ValueError:
            continue
        return config
    raise AssertionError(
        f"No other value is known for {case.family.config_class.__name__}.{field}; give one of "
        "the family's tiny configs a value of its own there."
    )


def _other_values(case: Case, field: str) -> Iterator[Any]:
    now = getattr(case.config, field)
    others = [getattr(config, field) for config in case.family.tiny.values()]
    hint = get_type_hints(case.family.config_class)[field]
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if isinstance(now, tuple) and now[::-1] != now:
        yield now[::-1]  # a pattern over layers; another config's may be longer than the layers
    yield from (value for value in others if value != now)
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
    if NoneType in kinds and now is not None:
        yield None


FIELDS = [
    (case, field.name)
    for case in FIRST_CASES
    for field in dataclasses.fields(case.family.config_class)
]
"""Every field of every family's config, with the family's first tiny config."""
