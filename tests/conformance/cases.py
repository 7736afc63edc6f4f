"""What the suite runs over: every registered family with each of its tiny configs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hornbook.checkpoints.weight_map import expand
from hornbook.families.classes import backbone_class, task_class
from hornbook.families.family import Family, Head
from hornbook.families.registry import families
from shares import EXEMPLARY


@dataclass(frozen=True)
class Case:
    """A tiny config of a family."""

    family_name: str
    tiny: str

    @property
    def name(self) -> str:
        return f"{self.family_name}-{self.tiny}"

    @property
    def family(self) -> Family:
        return families()[self.family_name]

    @property
    def config(self) -> Any:
        return self.family.tiny[self.tiny]

    @property
    def backbone_class(self) -> type:
        return backbone_class(self.family)

    def task_class(self, head: Head) -> type:
        return task_class(self.family, head.task)

    @property
    def is_decoder(self) -> bool:
        return any(head.task == "CausalLM" for head in self.family.heads)


def _all() -> Iterator[Case]:
    for family in families().values():
        for tiny in family.tiny:
            yield Case(family.name, tiny)


CASES = list(_all())
FIRST_CASES = [Case(family.name, next(iter(family.tiny))) for family in families().values()]
DECODERS = [case for case in CASES if case.is_decoder]
FIRST_HEADS = [(case, head) for case in FIRST_CASES for head in case.family.heads]


def _differs(case: Case, head: Head) -> bool:
    """Whether a head's tensors are others than with the family's first config."""
    first = FIRST_CASES[[case.family_name for case in FIRST_CASES].index(case.family_name)]
    names = (
        {tensor for row in expand(head.weights, one.config)[0] for tensor in row.tensors}
        for one in (case, first)
    )
    return next(names) != next(names)


HEADS = [
    (case, head)
    for case in CASES
    for index, head in enumerate(case.family.heads)
    # What differs between a family's configs is in its backbone, and in its main task's head.
    if index == 0 or case in FIRST_CASES or _differs(case, head)
]
FIRST_TASKS = [(case, case.family.heads[0]) for case in FIRST_CASES]
EXEMPLARY_TASKS = [(case, head) for case, head in FIRST_TASKS if case.family_name in EXEMPLARY]
# Every family with its first task, and every task with the exemplary families that have it.
EACH_ONCE = [
    pair for pair in FIRST_HEADS if pair in FIRST_TASKS or pair[0] in dict(EXEMPLARY_TASKS)
]


def every(cases: list[Case]) -> pytest.MarkDecorator:
    """Runs a test for each case, as its argument `case`."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def every_head(heads: list[tuple[Case, Head]]) -> pytest.MarkDecorator:
    """Runs a test for each task of each case, as its arguments `case` and `head`."""
    ids = [f"{case.name}-{head.task}" for case, head in heads]
    return pytest.mark.parametrize(("case", "head"), heads, ids=ids)


def label(value: Any) -> Any:
    """What a test's name says of a parameter."""
    return value.task if isinstance(value, Head) else getattr(value, "name", value)
