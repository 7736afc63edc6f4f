"""The machine's cores, shared by calls that are made at the same time.

A pipeline calls a tokenizer from many threads at once. A library that starts threads of its own in
each call would then run several times as many as there are cores.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

# Those that this process may use, where the system says which.
CORES = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class _Share:
    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Forgets the calls of the process that this one was forked from."""
        self.turn = threading.Semaphore(CORES)
        # As long as calls are running: growing and shrinking a list takes no lock.
        self.running: list[None] = []


_share = _Share()
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_share.renew)


@contextlib.contextmanager
def shared_cores() -> Iterator[int]:
    """Waits for a core to be free, and says how many threads to run: all cores for a call alone."""
    with _share.turn:
        _share.running.append(None)
        try:
            yield max(CORES // len(_share.running), 1)
        finally:
            _share.running.pop()
