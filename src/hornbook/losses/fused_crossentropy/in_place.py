"""Whether TensorFlow's graph may turn probabilities into their gradient where they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ALLOWED: ContextVar[bool] = ContextVar("probabilities are changed in place", default=False)


@contextmanager
def probabilities_in_place(allowed: bool) -> Iterator[None]:
    """Allows it for what is traced inside; XLA knows no such call, and needs none."""
    token = _ALLOWED.set(allowed)
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def is_in_place() -> bool:
    """What the innermost `probabilities_in_place` says; false without one."""
    return _ALLOWED.get()
