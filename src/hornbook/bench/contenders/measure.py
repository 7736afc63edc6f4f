"""Time and memory, as every contender measures them."""

import resource
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")

Run = Callable[[], dict[str, float]]
"""Does the work once; the answer has at least `seconds`."""


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds of a call, and what it gave."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def peak_memory() -> dict[str, float]:
    """The most bytes that the process has held so far: an accelerator's, else resident ones."""
    on_device = _device_peak()
    if on_device:
        return {"memory": on_device}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"memory": float(peak if sys.platform == "darwin" else peak * 1024)}


def _device_peak() -> float:
    """Asks the libraries that the process has imported; none is imported for it."""
    torch: Any = sys.modules.get("torch")
    jax: Any = sys.modules.get("jax")
    tensorflow: Any = sys.modules.get("tensorflow")
    peak = 0.0
    if torch is not None and torch.cuda.is_available():
        peak = float(torch.cuda.max_memory_allocated())
    if jax is not None and jax.default_backend() != "cpu":
        peak = max(peak, float((jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)))
    if tensorflow is not None and tensorflow.config.list_logical_devices("GPU"):
        peak = max(peak, float(tensorflow.config.experimental.get_memory_info("GPU:0")["peak"]))
    return peak


def torch_device() -> str:
    """Where the contenders on plain torch run: as Keras's do, on the first GPU if there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
