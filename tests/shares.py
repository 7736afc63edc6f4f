"""Each backend's share of `make test`: what cannot differ between backends is tested on one.

A test of the conformance suite says in one word what it is about. The first backend that can run
it does so with every config and task that it has; the others run of it

- `parity`: the same;
- `behaviour`: every family's first config and first task, and all tasks of the exemplary families;
- `mechanism`: the exemplary families' first config and first task.

In any folder, `backend_free` tests run on the first backend alone, and tests without any of these
marks on all. `@pytest.mark.backends("jax", "torch")` says which backends can run a test, or are
enough for it: `not_tensorflow` is for the variants of a test that TensorFlow runs once, because it
takes seconds to trace and compile each program of the same text.
"""

import pytest

BACKENDS = ("torch", "jax", "tensorflow")
"""The cheapest first: torch compiles nothing."""

EXEMPLARY = ("bert", "llama")
"""An encoder and a decoder, to try mechanisms on with every backend."""

KINDS = ("parity", "behaviour", "mechanism")

not_tensorflow = pytest.mark.backends("torch", "jax")

COLLECTED = pytest.StashKey[list[pytest.Item]]()
"""Every test that was collected, whichever backend's it is."""


def backends_of(item: pytest.Function) -> tuple[str, ...]:
    """The backends on which `make test` runs a test; there is always one."""
    able = possible(item)
    return able if _may_differ(item) else able[:1]


def possible(item: pytest.Function) -> tuple[str, ...]:
    """The backends that can run a test."""
    marker = item.get_closest_marker("backends")
    return BACKENDS if marker is None else tuple(b for b in BACKENDS if b in marker.args)


def kind(item: pytest.Function) -> str | None:
    """What a test is about; the word on a test outweighs its module's."""
    return next((mark.name for mark in item.iter_markers() if mark.name in KINDS), None)


def family_of(item: pytest.Function) -> str:
    """The family that a test of the conformance suite is about, or nothing."""
    case, _ = _case_and_head(item)
    return case.family_name if case else ""


def _case_and_head(item: pytest.Function) -> tuple:
    if item.path.parent.name != "conformance" or not hasattr(item, "callspec"):
        return None, None
    return item.callspec.params.get("case"), item.callspec.params.get("head")


def _may_differ(item: pytest.Function) -> bool:
    if item.get_closest_marker("backend_free"):
        return False
    word, (case, head) = kind(item), _case_and_head(item)
    if case is None or word == "parity":
        return True
    first_config = case.tiny == next(iter(case.family.tiny))
    first_task, exemplary = head in (None, case.family.heads[0]), case.family_name in EXEMPLARY
    if word == "behaviour":
        return first_config and (first_task or exemplary)
    return first_config and first_task and exemplary
