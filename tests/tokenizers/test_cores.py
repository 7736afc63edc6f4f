"""Calls at the same time share the machine's cores."""

import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from hornbook.tokenizers.cores import CORES, shared_cores


def test_a_call_alone_has_all_cores():
    for _ in range(2):
        with shared_cores() as threads:
            assert threads == CORES


def test_calls_at_the_same_time_share_them():
    with ExitStack() as running:
        threads = [running.enter_context(shared_cores()) for _ in range(CORES)]
        assert threads == [CORES // calls for calls in range(1, CORES + 1)]
        entered = threading.Event()

        def one_more():
            with shared_cores():
                entered.set()

        waiting = threading.Thread(target=one_more)
        waiting.start()
        assert not entered.wait(0.05)  # all cores are taken
    waiting.join(10)
    assert entered.is_set()


def test_an_error_gives_the_core_back():
    with pytest.raises(ValueError, match="bad"), shared_cores():
        raise ValueError("bad")
    with shared_cores() as threads:
        assert threads == CORES


FORKING = """
import os
from contextlib import ExitStack
from hornbook.tokenizers.cores import CORES, _share, shared_cores

with ExitStack() as running:
    for _ in range(CORES):
        running.enter_context(shared_cores())
    child = os.fork()
    if not child:
        free = _share.turn.acquire(timeout=10)
        os._exit(0 if free and not _share.running else 1)
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes aren't forked there")
def test_a_forked_process_has_all_cores():
    """In a process of its own: this one may have threads that don't like to be forked."""
    subprocess.run([sys.executable, "-c", FORKING], check=True)
