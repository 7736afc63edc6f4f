"""Memory that was freed stays with the process, and with it the pages that it had."""

import os
import subprocess
import sys

import pytest

from hornbook import allocator

PROGRAM = """
import resource
import hornbook
import numpy as np

np.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    np.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 4 * 8 * 2**24 // os.sysconf("SC_PAGESIZE")


def faults(**environment: str) -> int:
    """How many pages the system has to give for 4 arrays of 128 MB, each freed before the next."""
    kept = {k: v for k, v in os.environ.items() if k not in allocator.USER_VARIABLES}
    # NumPy would ask for large pages, of which few are needed.
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**kept, "NUMPY_MADVISE_HUGEPAGE": "0", **environment},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.skipif(not allocator._is_glibc(), reason="another C library")
def test_freed_memory_is_used_again():
    assert faults() < PAGES / 20


@pytest.mark.skipif(not allocator._is_glibc(), reason="another C library")
@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"])
def test_who_chose_for_glibc_has_chosen(name):
    assert faults(**{name: "131072"}) > PAGES / 2
