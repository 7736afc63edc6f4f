"""Memory for weights, in pages as large as the system has.

A token reads all weights, once, and so fast that the processor's search for pages of 4 KB is a
twelfth of the time. Linux gives pages of 2 MB to whoever asks before the memory is used, and fewer
of them are also faster to get. Weights are smaller than a few such pages, so they lie side by side.
Measured in docs/decisions/weight_memory.md.
"""

import ctypes
import math
import mmap
import sys
import threading
import weakref
from collections import deque
from contextlib import suppress
from typing import Any

import numpy as np

ALIGNMENT = 64
"""XLA on the CPU takes memory without copying it at multiples of so many bytes."""
PAGE = 2**21
REGION = 2**26
"""So much is asked for at a time. What isn't used takes no memory."""
SMALLEST = 2**16
"""Less is read too fast to matter, and comes from the C library."""


def weight_memory(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array without values, at an address that XLA on the CPU takes without copying.

    Example:
        >>> weight_memory((2, 3), "float32").shape
        (2, 3)
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if sys.platform == "linux" and size >= SMALLEST:
        memory = _REGIONS.array(size)
    else:
        memory = np.empty(size + ALIGNMENT, "uint8")
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


class _Region:
    """Memory of the system's, which goes back to it with the last array in it."""

    def __init__(self, size: int) -> None:
        self._map = mmap.mmap(-1, size + PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with suppress(OSError):  # of a system without large pages
            self._map.madvise(mmap.MADV_HUGEPAGE)
        self._start = -ctypes.addressof(ctypes.c_char.from_buffer(self._map)) % PAGE
        self._free = {0: size}  # where each stretch begins, and its length
        self._returned: deque[tuple[int, int]] = deque()  # by whatever thread, at any time

    def array(self, size: int) -> np.ndarray | None:
        """So many bytes, if there are."""
        self._take_back()
        start = next((start for start, length in self._free.items() if length >= size), None)
        if start is None:
            return None
        length = self._free.pop(start)
        if length > size:
            self._free[start + size] = length - size
        part = (ctypes.c_uint8 * size).from_buffer(self._map, self._start + start)
        weakref.finalize(part, self._give_back, start, size).atexit = False
        return np.frombuffer(memoryview(part), "uint8")

    def _give_back(self, start: int, size: int) -> None:
        self._returned.append((start, size))

    def _take_back(self) -> None:
        """Joins what was returned with what is free beside it."""
        while self._returned:
            start, size = self._returned.popleft()
            self._free[start] = size
        joined: dict[int, int] = {}
        end = last = -1
        for start, size in sorted(self._free.items()):
            if start == end:
                joined[last] += size
            else:
                last = start
                joined[start] = size
            end = start + size
        self._free = joined


class _Regions:
    """Those that hold an array; their arrays hold them."""

    def __init__(self) -> None:
        self._regions: list[weakref.ref[_Region]] = []
        self._lock = threading.Lock()

    def array(self, size: int) -> np.ndarray:
        """So many bytes, of the first region that has them; aligned if all are."""
        size += -size % ALIGNMENT
        with self._lock:
            there = [region for held in self._regions if (region := held()) is not None]
            found = next((a for region in there if (a := region.array(size)) is not None), None)
            if found is None:
                there.append(_Region(max(REGION, size + -size % PAGE)))
                found = there[-1].array(size)
            self._regions = list(map(weakref.ref, there))
        if found is None:
            raise MemoryError(f"A new region has no {size} bytes.")
        return found


_REGIONS = _Regions()
