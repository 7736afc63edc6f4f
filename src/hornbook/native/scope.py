"""Where machine code may take a library's place."""

import os
from contextlib import AbstractContextManager
from contextvars import ContextVar

from hornbook.scoped import scoped

SWITCH = "HORNBOOK_MACHINE_CODE"
"""The environment's variable that turns it off, by the value 0."""

_ALLOWED: ContextVar[bool] = ContextVar("machine code", default=False)


def machine_code() -> AbstractContextManager[None]:
    """Allows it inside, for programs that run in this process alone and are never exported."""
    return scoped(_ALLOWED, os.environ.get(SWITCH) != "0")


def is_allowed() -> bool:
    """Whether what is traced now may call it."""
    return _ALLOWED.get()
