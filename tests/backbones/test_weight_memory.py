import gc
import re
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import pytest

from hornbook.backbones import weight_memory as module
from hornbook.backbones.weight_memory import ALIGNMENT, PAGE, REGION, SMALLEST, weight_memory


@pytest.fixture(autouse=True)
def own_regions(monkeypatch):
    monkeypatch.setattr(module, "_REGIONS", module._Regions())


def mapped():
    """The bytes of this process's mappings, of which Linux tells."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * 4096


@pytest.mark.parametrize("size", [0, 1, SMALLEST - 1, SMALLEST, SMALLEST + 1, REGION + 3])
def test_arrays_are_apart_and_aligned(size):
    arrays = [weight_memory((size,), "uint8") for _ in range(3)]
    for number, array in enumerate(arrays):
        array[:] = number
    for number, array in enumerate(arrays):
        assert array.shape == (size,)
        assert not size or array.ctypes.data % ALIGNMENT == 0
        assert not size or (array[0], array[-1]) == (number, number)


def test_shapes_and_dtypes():
    array = weight_memory((300, 500), ml_dtypes.bfloat16)
    array[:] = 1.5
    assert (array.shape, array.dtype.name) == ((300, 500), "bfloat16")


@pytest.mark.skipif(sys.platform != "linux", reason="large pages are Linux's")
def test_small_arrays_share_large_pages():
    first, second = (weight_memory((SMALLEST,), "uint8") for _ in range(2))
    assert second.ctypes.data == first.ctypes.data + SMALLEST
    assert first.ctypes.data % PAGE == 0


@pytest.mark.skipif(sys.platform != "linux", reason="regions are Linux's")
def test_what_is_given_back_is_used_again():
    size = 3 * SMALLEST
    arrays = [weight_memory((size,), "uint8") for _ in range(4)]
    places = [array.ctypes.data for array in arrays]
    view = arrays[0][5:].reshape(-1, 1)  # holds the memory of the first
    kept = arrays[3]
    del arrays
    gc.collect()
    # The second and the third are one stretch now.
    assert weight_memory((2 * size,), "uint8").ctypes.data == places[1]
    del view
    gc.collect()
    assert weight_memory((size,), "uint8").ctypes.data == places[0]
    assert kept.ctypes.data == places[3]


@pytest.mark.skipif(sys.platform != "linux", reason="regions are Linux's")
def test_the_system_gets_back_what_nobody_uses():
    before = mapped()
    arrays = [weight_memory((REGION // 2,), "uint8") for _ in range(7)]
    assert mapped() >= before + 3 * REGION
    del arrays
    gc.collect()
    assert mapped() < before + REGION


PROGRAM = """
import threading, numpy as np
from hornbook.backbones.weight_memory import SMALLEST, weight_memory
def work(number):
    rng = np.random.default_rng(number)
    held = []
    for turn in range(300):
        array = weight_memory((int(rng.integers(1, 4 * SMALLEST)),), "uint8")
        array[:] = number
        held.append(array)
        if len(held) > 9:
            assert (held.pop(int(rng.integers(9))) == number).all()
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("apart")
"""


def test_threads_at_once():
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert re.search("apart", made.stdout)
    assert not made.stderr
