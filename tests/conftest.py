"""One backend, one thread and no network per test process, set before anything is imported."""

import gc
import os
import random
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import shares

# What JAX's later versions don't know ends the process.
OLDER_XLA = tuple(map(int, version("jaxlib").split(".")[:2])) < (0, 11)

# pytest-xdist runs one process a core: a second pool of threads in each would only compete.
for name, value in {
    "KERAS_BACKEND": "jax",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "NPROC": "1",  # the size of XLA's thread pool on the CPU
    # Nearly all of the time goes into compiling tiny models, which run for a moment: XLA compiles
    # them three times as fast without optimization, and one thing at a time without fusion's own
    # compiler. Tests in processes of their own set other flags, and so have XLA's defaults.
    "XLA_FLAGS": "--xla_backend_optimization_level=0"
    + " --xla_cpu_use_fusion_emitters=false" * OLDER_XLA,
    "TOKENIZERS_PARALLELISM": "false",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "JAX_PLATFORMS": "cpu",
    "HF_HUB_OFFLINE": "1",
    "MPLBACKEND": "agg",
}.items():
    os.environ.setdefault(name, value)

BACKEND_FREE = (
    "bench",
    "checkpoints",
    "cli",
    "test_compat.py",
    "preprocessing",
    "tokenizers",
    "test_allocator.py",
    "test_backend.py",
    "test_docs.py",
    "test_docstrings.py",
    "test_import.py",
    "test_project.py",
    "test_shares.py",
    "test_structure.py",
)


TESTS = pytest.StashKey[int]()
"""How many this process has begun."""
MOST_MAPS = 30_000
"""Pieces of memory that a process may have before it forgets what JAX compiled.

Each program has some of its own, and where Linux gives no more, at 65,530, XLA crashes.
"""
TESTS_BETWEEN_LOOKS = 25


@pytest.fixture
def keras_nlp_alias(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `hornbook.compat.install` did, in the test or before it, is undone."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "keras_nlp"]:
            del sys.modules[name]

    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    forget()
    yield
    forget()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Objects are named by their type: an address would differ between pytest-xdist's processes."""
    return type(val).__name__ if " object at 0x" in repr(val) else None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--share", action="store_true", help="what `make test` runs here")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    backend = os.environ["KERAS_BACKEND"]
    for item in items:
        if folder(item) in BACKEND_FREE:
            item.add_marker(pytest.mark.backend_free)
        if backend not in shares.possible(item):
            item.add_marker(pytest.mark.skip(reason=f"not for {backend}"))
    # A family's tests one after another: what one process loads and compiles serves them all.
    items.sort(key=lambda item: (folder(item), shares.family_of(item)))
    config.stash[shares.COLLECTED] = list(items)
    if config.getoption("share"):
        mine = [item for item in items if backend in shares.backends_of(item)]
        config.hook.pytest_deselected(items=list(set(items).difference(mine)))
        items[:] = mine


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test has the same random numbers whichever tests its process ran before."""
    random.seed(0)  # where Keras takes the seeds from that nobody gave it
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    if "RNG" in vars(item.module):
        item.module.RNG = np.random.default_rng(0)
    item.config.stash[TESTS] = item.config.stash.get(TESTS, 0) + 1
    if item.config.stash[TESTS] % TESTS_BETWEEN_LOOKS == 0 and number_of_maps() > MOST_MAPS:
        sys.modules["jax"].clear_caches()
        gc.collect()


def pytest_collection_finish() -> None:
    # All that is imported stays: the collector need not walk over it again and again.
    gc.collect()
    gc.freeze()


def number_of_maps() -> int:
    """The pieces of memory of this process; 0 where JAX is not there, or the system isn't Linux."""
    path = Path("/proc/self/maps")
    return path.read_bytes().count(b"\n") if "jax" in sys.modules and path.exists() else 0


def folder(item: pytest.Item) -> str:
    """The folder or file in tests/ that a test is in."""
    return item.path.relative_to(Path(__file__).parent).parts[0]
