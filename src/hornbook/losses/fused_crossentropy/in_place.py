"""Whether TensorFlow's graph may turn probabilities into their gradient where they are."""

from contextlib import AbstractContextManager
from contextvars import ContextVar

from hornbook.scoped import scoped

_ALLOWED: ContextVar[bool] = ContextVar("probabilities are changed in place", default=False)


def probabilities_in_place(allowed: bool) -> AbstractContextManager[None]:
    """Allows it for what is traced inside; XLA knows no such call, and needs none."""
    return scoped(_ALLOWED, allowed)


def is_in_place() -> bool:
    """What the innermost `probabilities_in_place` says; false without one."""
    return _ALLOWED.get()
