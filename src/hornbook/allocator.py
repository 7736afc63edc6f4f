"""The C library's memory: what was freed is kept for the next batch.

By default glibc asks the system for every large array and gives it back at once. The system hands
out empty pages one by one, which for the activations of an encoder costs more than a tenth of the
time of a batch (docs/decisions/kept_memory.md). JAX, torch and TensorFlow all allocate through it
on the CPU.
"""

import ctypes
import os
import sys

# From glibc's malloc.h, for `mallopt`.
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
KEPT_BYTES = 2**31 - 1
"""The most that stays unused at the end of the heap; `mallopt` takes no more."""

USER_VARIABLES = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_",
                  "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_")  # fmt: skip
"""Who sets one of these, as glibc's manual describes, has decided; nothing is changed then."""


def keep_freed_memory() -> bool:
    """Lets this process keep up to 2 GB that it freed; says whether it does.

    It does on Linux with glibc, unless one of `USER_VARIABLES` is set: for example
    `MALLOC_TRIM_THRESHOLD_=131072`, glibc's own value.
    """
    if not _is_glibc() or any(name in os.environ for name in USER_VARIABLES):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # Large arrays from the heap too, whose end then isn't given back.
    return bool(mallopt(M_TRIM_THRESHOLD, KEPT_BYTES) and mallopt(M_MMAP_MAX, 0))


def _is_glibc() -> bool:
    if sys.platform != "linux" or "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        return False
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (OSError, ValueError):
        return False  # musl knows no such name
