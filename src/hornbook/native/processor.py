"""What the processor can do, as far as the machine code depends on it."""

import sys
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Processor:
    """An x86 processor.

    Attributes:
        name: LLVM's name of it.
        features: what it has, in LLVM's form.
        lanes: how many float32 numbers a vector holds.
        has_bfloat16_dot: whether it multiplies bfloat16 pairs and adds both to a float32 number.
    """

    name: str
    features: str
    lanes: int
    has_bfloat16_dot: bool

    @property
    def sums(self) -> int:
        """How many vectors of sums a loop keeps in registers, beside what it reads."""
        return 16 if self.lanes == 16 else 8


@cache
def this_processor() -> Processor | None:
    """The processor that this runs on, or None where no machine code of ours is known to be good.

    It is for x86 with AVX2 and FMA, under Linux, and needs llvmlite.
    """
    if sys.platform != "linux":
        return None
    try:
        from llvmlite import binding
    except ImportError:
        return None
    features = binding.get_host_cpu_features()
    has = {name for name, is_there in features.items() if is_there}
    if not has >= {"avx2", "fma"}:
        return None
    is_wide = has >= {"avx512f", "avx512bw", "avx512vl"}
    return Processor(
        name=binding.get_host_cpu_name(),
        features=features.flatten(),
        lanes=16 if is_wide else 8,
        has_bfloat16_dot=is_wide and "avx512bf16" in has,
    )
