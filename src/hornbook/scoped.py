"""Context variables that have a value inside of a `with` block."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def scoped(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Gives a variable a value inside of the block, for this thread or task alone.

    Example:
        >>> from contextvars import ContextVar
        >>> depth = ContextVar("depth", default=0)
        >>> with scoped(depth, 1):
        ...     print(depth.get())
        1
        >>> depth.get()
        0
    """
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
