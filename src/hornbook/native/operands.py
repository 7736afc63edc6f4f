"""How a product reads a kernel and inputs, and adds up what their numbers make."""

from typing import Protocol

from hornbook.native.code import Code, Value
from hornbook.native.processor import Processor
from hornbook.native.vectors import Vectors

DOT = "llvm.x86.avx512bf16.dpbf16ps.512"
"""Adds the products of two vectors of pairs in bfloat16 to one of float32, lane by lane."""


class Operands(Protocol):
    """A kernel's numbers and those of inputs, `step` at a time.

    Attributes:
        kernel: LLVM's type of a number of the kernel.
        kernel_bytes: its size.
        inputs: LLVM's type of a number of the inputs.
        step: how many numbers of a row are multiplied at once.
    """

    kernel: str
    kernel_bytes: int
    inputs: str
    step: int

    def declarations(self) -> list[str]:
        """Of the functions that are called."""

    def weights(self, code: Code, row: Value, index: Value) -> list[Value]:
        """Reads a step of a kernel's row."""

    def values(self, code: Code, row: Value, index: Value) -> list[Value]:
        """Reads a step of a row of inputs."""

    def add(self, code: Code, total: Value, weights: list[Value], values: list[Value]) -> Value:
        """Adds the products of a step to a vector of sums."""


def operands(processor: Processor, is_half: bool) -> Operands:
    """For a kernel in float32, or in bfloat16 if it `is_half`."""
    if not is_half:
        return Singles(processor)
    return Pairs(processor) if processor.has_bfloat16_dot else Widened(processor)


class Singles:
    """Both in float32."""

    kernel, kernel_bytes, inputs = "float", 4, "float"

    def __init__(self, processor: Processor) -> None:
        self.step = processor.lanes
        self._v = Vectors(processor.lanes)

    def declarations(self) -> list[str]:
        return []

    def weights(self, code: Code, row: Value, index: Value) -> list[Value]:
        address = code.let(f"getelementptr float, ptr {row}, i64 {index}")
        return [code.let(f"load {self._v.kind}, ptr {address}, align 4")]

    values = weights

    def add(self, code: Code, total: Value, weights: list[Value], values: list[Value]) -> Value:
        for weight, value in zip(weights, values, strict=True):
            total = self._v.fma(code, weight, value, total)
        return total


class Pairs:
    """Both in bfloat16, which the processor multiplies."""

    kernel, kernel_bytes, inputs = "i16", 2, "i16"

    def __init__(self, processor: Processor) -> None:
        self.step = 2 * processor.lanes
        self._single = f"<{processor.lanes} x float>"
        self._pairs = f"<{2 * processor.lanes} x bfloat>"

    def declarations(self) -> list[str]:
        return [f"declare {self._single} @{DOT}({self._single}, {self._pairs}, {self._pairs})"]

    def weights(self, code: Code, row: Value, index: Value) -> list[Value]:
        address = code.let(f"getelementptr i16, ptr {row}, i64 {index}")
        return [code.let(f"load {self._pairs}, ptr {address}, align 2")]

    values = weights

    def add(self, code: Code, total: Value, weights: list[Value], values: list[Value]) -> Value:
        single, pairs = self._single, self._pairs
        for weight, value in zip(weights, values, strict=True):
            arguments = f"{single} {total}, {pairs} {weight}, {pairs} {value}"
            total = code.let(f"call {single} @{DOT}({arguments})")
        return total


class Widened(Singles):
    """A kernel in bfloat16, which becomes float32, and inputs in float32, two vectors at once."""

    kernel, kernel_bytes = "i16", 2

    def __init__(self, processor: Processor) -> None:
        super().__init__(processor)
        self.step = 2 * processor.lanes

    def weights(self, code: Code, row: Value, index: Value) -> list[Value]:
        made = []
        for place in (index, code.let(f"add i64 {index}, {self._v.lanes}")):
            address = code.let(f"getelementptr i16, ptr {row}, i64 {place}")
            made.append(self._v.load_bfloat16(code, address))
        return made

    def values(self, code: Code, row: Value, index: Value) -> list[Value]:
        behind = code.let(f"add i64 {index}, {self._v.lanes}")
        return [*super().values(code, row, index), *super().values(code, row, behind)]


class Codes(Singles):
    """A kernel in whole numbers of 8 bits, which become float32, and inputs in float32."""

    kernel, kernel_bytes = "i8", 1

    def weights(self, code: Code, row: Value, index: Value) -> list[Value]:
        address = code.let(f"getelementptr i8, ptr {row}, i64 {index}")
        lanes, kind = self._v.lanes, self._v.kind
        whole = code.let(f"load <{lanes} x i8>, ptr {address}, align 1")
        return [code.let(f"sitofp <{lanes} x i8> {whole} to {kind}")]
