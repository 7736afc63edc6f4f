"""The product of a few rows and a kernel, which reads the kernel once, as it lies.

Libraries lay a kernel in bfloat16 out anew for each such product, which takes longer than the
product does, and read one in float32 at less than the memory's speed. Here some of its rows at a
time, `[outputs, inputs]` as checkpoints have them, meet all inputs: their products are added up in
registers, lane by lane, and the lanes in the end.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from hornbook.native.code import Code, Value
from hornbook.native.operands import Operands, operands
from hornbook.native.processor import Processor
from hornbook.native.vectors import Vectors

MOST_TOGETHER = 8
"""So many rows of inputs are multiplied at a time; the kernel's rows stay in the cache for more."""
MOST_KERNEL_ROWS = 4
"""So many of the kernel's rows at a time meet few rows of inputs."""
AHEAD = 2048
"""So many bytes ahead the kernel is fetched, where there is more to do than to read it. Its rows
are read side by side, but lie behind each other, which the processor doesn't see through."""
FEW = 2
"""Up to as many rows of inputs meet the kernel's rows one by one, ..."""
SUMS_OF_FEW = 4
"""... with so many vectors of sums, which don't wait for each other."""


@dataclass(frozen=True)
class ProductShape:
    """What the code depends on.

    Attributes:
        rows: how many rows of inputs.
        is_half: whether the kernel and the result are bfloat16, and not float32.
        is_stacked: whether the kernel is one of [kernels, units, width], and its number, int32, the
            last argument.
        has_bias: whether a bias [units] like the kernel is the third argument.
    """

    rows: int
    is_half: bool
    is_stacked: bool = False
    has_bias: bool = False


@cache
def product_code(processor: Processor, shape: ProductShape) -> str:
    """LLVM's text of the product of inputs [rows, width] and a kernel [units, width].

    The result is [rows, units]; the work's parts are the kernel's rows. The inputs are bfloat16
    where both the kernel is and the processor multiplies that, else float32. What is added up is
    float32, and rounded at the end.
    """
    return ProductWriter(operands(processor, shape.is_half), processor, shape).module()


class ProductWriter:
    """Writes the code of a product.

    Args:
        numbers: those of the kernel and of the inputs.
        processor: what it is for.
        shape: what it depends on.
    """

    _few = FEW

    def __init__(self, numbers: Operands, processor: Processor, shape: ProductShape) -> None:
        self._operands = numbers
        self._shape = shape
        self._v, self._one = Vectors(processor.lanes), Vectors(1)
        rows = shape.rows
        parts = -(-rows // MOST_TOGETHER)
        ends = [rows * part // parts for part in range(parts + 1)]
        self._groups = [range(*pair) for pair in pairwise(ends)]
        most = processor.sums // max(map(len, self._groups))
        self._together = 1 if rows <= self._few else min(MOST_KERNEL_ROWS, max(1, most))
        self._sums_each = SUMS_OF_FEW // rows if rows <= self._few else 1
        self.code = Code()

    def module(self) -> str:
        """The whole text."""
        return "\n".join(
            [
                *self._declarations(),
                "define internal i64 @count(ptr %arguments) {",
                "  %units = call i64 @dimension("
                f"ptr %arguments, i64 1, i64 {int(self._shape.is_stacked)})",
                "  ret i64 %units",
                "}",
                "define internal void @run(ptr %arguments, ptr %results, i64 %first, i64 %last) {",
                self._text(),
                "}",
            ]
        )

    def _declarations(self) -> list[str]:
        """Of the functions that are called."""
        return [
            *self._v.declarations(),
            *self._operands.declarations(),
            "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)",
            "declare float @llvm.fma.f32(float, float, float)",
        ]

    def _text(self) -> str:
        """The body of `run`."""
        together = self._together
        self._find()
        full = self._full("%first", "%last", together)
        self.code.each("%first", full, together, lambda unit: self._units_from(unit, together))
        if together > 1:
            self.code.each(full, "%last", 1, lambda unit: self._units_from(unit, 1))
        self.code.do("ret void")
        return self.code.text()

    def _find(self) -> None:
        """Finds the arrays."""
        kernel = self._argument(1)
        self._inputs = self._argument(0)
        self._outputs = self.code.let("call ptr @array(ptr %results, i64 0)")
        self._units, self._width = (
            self.code.let(f"call i64 @dimension(ptr %arguments, i64 1, i64 {axis:d})")
            for axis in (self._shape.is_stacked, self._shape.is_stacked + 1)
        )
        self._kernel = self._chosen(kernel) if self._shape.is_stacked else kernel
        if self._shape.has_bias:
            self._bias = self._argument(2)
        self._stepped = self._whole(self._operands.step)

    def _argument(self, place: int) -> Value:
        return self.code.let(f"call ptr @array(ptr %arguments, i64 {place})")

    def _full(self, first: Value, last: Value, size: int) -> Value:
        """Where the last of as many whole sizes as there are ends."""
        count = self.code.let(f"sub i64 {last}, {first}")
        rest = self.code.let(f"srem i64 {count}, {size}")
        return self.code.let(f"sub i64 {last}, {rest}")

    def _whole(self, size: int) -> Value:
        """The part of a row that is a multiple of a size."""
        steps = self.code.let(f"sdiv i64 {self._width}, {size}")
        return self.code.let(f"mul i64 {steps}, {size}")

    def _chosen(self, kernels: Value) -> Value:
        """Where the kernel is whose number is an argument."""
        let = self.code.let
        number = let(f"load i32, ptr {self._argument(2 + self._shape.has_bias)}")
        size = let(f"mul i64 {self._units}, {self._width}")
        place = let(f"mul i64 {size}, {let(f'sext i32 {number} to i64')}")
        return let(f"getelementptr {self._operands.kernel}, ptr {kernels}, i64 {place}")

    def _units_from(self, unit: Value, together: int) -> None:
        for number, group in enumerate(self._groups):
            self._block(unit, together, group, is_first=number == 0)

    def _block(self, unit: Value, together: int, group: range, is_first: bool) -> None:
        """Writes the products of `together` rows of the kernel and a group of the inputs."""
        let, numbers = self.code.let, self._operands
        start = let(f"mul i64 {unit}, {self._width}")
        kernel = [let(f"getelementptr {numbers.kernel}, ptr {self._kernel}, i64 {start}")]
        while len(kernel) < together:
            kernel.append(
                let(f"getelementptr {numbers.kernel}, ptr {kernel[-1]}, i64 {self._width}")
            )
        inputs = []
        for row in group:
            place = let(f"mul i64 {self._width}, {row}")
            inputs.append(let(f"getelementptr {numbers.inputs}, ptr {self._inputs}, i64 {place}"))
        is_fetched = is_first and max(self._shape.rows, together) > 1
        totals = self.code.loop(
            self._stepped,
            self._width,
            1,
            lambda index, sums: self._single(kernel, inputs, index, sums),
            "float",
            self._v.sums(self.code, self._vectors(kernel, inputs, is_fetched)),
        )
        units = [let(f"add i64 {unit}, {place}") for place in range(together)]
        terms = [self._terms(target) for target in units]
        for number, total in enumerate(totals):
            row, own = group[number // together], number % together
            offset = let(f"mul i64 {self._units}, {row}")
            finished = self._finished(total, terms[own], row)
            self._store(finished, let(f"add i64 {units[own]}, {offset}"))

    def _terms(self, unit: Value) -> list[Value]:
        """What belongs to one of the kernel's rows, beside it."""
        if not self._shape.has_bias:
            return []
        return [self._number(self._bias, unit, self._operands.kernel)]

    def _finished(self, total: Value, terms: list[Value], row: int) -> Value:
        """An output, of the sum and what belongs to the kernel's row; `row` is that of inputs."""
        for term in terms:
            total = self.code.let(f"fadd float {total}, {term}")
        return total

    def _store(self, total: Value, index: Value) -> None:
        """Writes an output."""
        kind = "i16" if self._shape.is_half else "float"
        address = self.code.let(f"getelementptr {kind}, ptr {self._outputs}, i64 {index}")
        if self._shape.is_half:
            self._one.store_bfloat16(self.code, self._one.filled(self.code, total), address)
        else:
            self.code.do(f"store float {total}, ptr {address}, align 4")

    def _vectors(self, kernel: list[Value], inputs: list[Value], is_fetched: bool) -> list[Value]:
        """The sums of all steps, a vector for each row of inputs and each of the kernel's."""
        size, each = self._operands.step, self._sums_each
        count = len(kernel) * len(inputs)
        sums = ["zeroinitializer"] * (count * each)
        first, kind = "0", self._v.kind
        if each > 1:
            end = self._whole(size * each)

            def steps_of(index: Value, sums: list[Value]) -> list[Value]:
                made = []
                for place in range(each):
                    there = self.code.let(f"add i64 {index}, {place * size}")
                    own = sums[place * count : (place + 1) * count]
                    made += self._step(kernel, inputs, there, own)
                return made

            sums = self.code.loop(first, end, size * each, steps_of, kind, sums)
            while len(sums) > count:
                half = len(sums) // 2
                pairs = zip(sums[:half], sums[half:], strict=True)
                sums = [self.code.let(f"fadd {kind} {one}, {other}") for one, other in pairs]
            first = end

        def step_of(index: Value, sums: list[Value]) -> list[Value]:
            if is_fetched:
                self._fetch(kernel[0], index, len(kernel))
            return self._step(kernel, inputs, index, sums)

        return self.code.loop(first, self._stepped, size, step_of, kind, sums)

    def _fetch(self, kernel: Value, index: Value, together: int) -> None:
        let, size = self.code.let, self._operands.kernel_bytes
        done = let(f"mul i64 {index}, {size * together}")
        for line in range(0, size * self._operands.step * together, 64):
            there = let(f"add i64 {done}, {AHEAD + line}")
            address = let(f"getelementptr i8, ptr {kernel}, i64 {there}")
            self.code.do(f"call void @llvm.prefetch.p0(ptr {address}, i32 0, i32 3, i32 1)")

    def _step(
        self, kernel: list[Value], inputs: list[Value], index: Value, sums: list[Value]
    ) -> list[Value]:
        numbers, code = self._operands, self.code
        weights = [numbers.weights(code, row, index) for row in kernel]
        made = []
        for place, row in enumerate(inputs):
            values = numbers.values(code, row, index)
            for other, weight in enumerate(weights):
                total = sums[place * len(kernel) + other]
                made.append(numbers.add(code, total, weight, values))
        return made

    def _single(
        self, kernel: list[Value], inputs: list[Value], index: Value, totals: list[Value]
    ) -> list[Value]:
        """Adds the products of a single number of each row."""
        weights = [self._number(row, index, self._operands.kernel) for row in kernel]
        values = [self._number(row, index, self._operands.inputs) for row in inputs]
        return [
            self.code.let(
                f"call float @llvm.fma.f32(float {weights[place % len(weights)]},"
                f" float {values[place // len(weights)]}, float {total})"
            )
            for place, total in enumerate(totals)
        ]

    def _number(self, row: Value, index: Value, element: str) -> Value:
        let = self.code.let
        address = let(f"getelementptr {element}, ptr {row}, i64 {index}")
        if element == "i8":
            return let(f"sitofp i8 {let(f'load i8, ptr {address}')} to float")
        number = let(f"load {element}, ptr {address}, align 2")
        if element == "float":
            return number
        bits = let(f"shl i32 {let(f'zext i16 {number} to i32')}, 16")
        return let(f"bitcast i32 {bits} to float")
