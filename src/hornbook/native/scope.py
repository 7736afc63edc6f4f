"""Where machine code may take a library's place."""

import os
from contextlib import AbstractContextManager
from contextvars import ContextVar

from hornbook.native.processor import this_processor
from hornbook.scoped import scoped

SWITCH = "HORNBOOK_MACHINE_CODE"
"""The environment's variable that turns it off, by the value 0 or another that means no."""
NO = ("0", "false", "no", "off")

_ALLOWED: ContextVar[bool] = ContextVar("machine code", default=False)


def machine_code() -> AbstractContextManager[None]:
    """Allows it inside, for programs that run in this process alone and are never exported."""
    return scoped(_ALLOWED, not is_turned_off())


def report() -> str:
    """What it is compiled for on this machine, or why there is none."""
    processor = this_processor()
    if is_turned_off():
        return f"none: turned off by {SWITCH}={os.environ[SWITCH]}"
    if processor is None:
        return "none: it needs Linux on x86 with AVX2, and llvmlite"
    products = ", which multiplies bfloat16" if processor.has_bfloat16_dot else ""
    return f"{processor.name}, {32 * processor.lanes} bits{products}"


def is_turned_off() -> bool:
    """Whether the environment says so."""
    return os.environ.get(SWITCH, "").lower() in NO


def is_allowed() -> bool:
    """Whether what is traced now may call it."""
    return _ALLOWED.get()
