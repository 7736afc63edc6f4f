"""What the machine does at best, measured before anything else."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hornbook.bench.process import Job, ask

LIBRARIES = ("numpy", "jax", "torch")
CPU = "CPU"


@dataclass(frozen=True)
class Limits:
    """Rates of the machine's memory and processor; each limit is the best of all libraries.

    Attributes:
        device: the accelerator's name, or "CPU".
        measured: every measurement, such as "copy, numpy" in bytes a second (read and written) or
            "float32, jax" in operations a second, in products of square matrices.

    Example:
        >>> limits = Limits("CPU", {"copy, numpy": 1e10, "copy, jax": 2e10, "bfloat16, jax": 3e11})
        >>> limits.copy, limits.matrix_rate("mixed_bfloat16"), limits.matrix_rate("float32")
        (20000000000.0, 300000000000.0, None)
    """

    device: str
    measured: Mapping[str, float]

    @property
    def copy(self) -> float:
        """Bytes read and written a second, in a copy of a large array."""
        return self._best("copy") or 0.0

    def matrix_rate(self, dtype: str) -> float | None:
        """Operations a second in a type, or in that which a mixed policy computes in."""
        return self._best(dtype.removeprefix("mixed_"))

    def _best(self, what: str) -> float | None:
        rates = [rate for name, rate in self.measured.items() if name.startswith(f"{what}, ")]
        return max(rates, default=None)


def measure_limits(tell: Callable[[str], None], *, quick: bool = False) -> Limits:
    """Measures with each library that is installed, in a process of its own.

    Where there is an accelerator, only the libraries that use it count.

    Args:
        tell: is told what runs.
        quick: small arrays, few repetitions and numpy alone, which only show that it works.
    """
    answers = {}
    for library in LIBRARIES[:1] if quick else LIBRARIES:
        if find_spec(library) is not None:
            tell(f"the machine's limits, with {library}")
            config = {"library": library, "quick": quick, "warm_up": False}
            job = Job(f"limits with {library}", "limits", config, Path(sys.executable))
            answers[library] = ask(job)
    devices = [answer["device"] for answer in answers.values()]
    device = next((name for name in devices if name != CPU), CPU)
    measured = {
        f"{what}, {library}": float(rate)
        for library, answer in answers.items()
        if answer["device"] == device or device == CPU
        for what, rate in answer.items()
        if what in ("copy", "float32", "bfloat16")
    }
    return Limits(device, measured)
