"""The product of a few rows in bfloat16 and a kernel, which reads the kernel once, as it lies.

Libraries lay a kernel out anew for each such product, which takes longer than the product does.
Here some of its rows at a time, `[outputs, inputs]` as checkpoints have them, meet all inputs:
their products are added up in registers, lane by lane, and the lanes in the end.
"""

from itertools import pairwise

from hornbook.native.code import Code, Value
from hornbook.native.processor import Processor
from hornbook.native.vectors import Vectors
from hornbook.native.xla_handler import handler_code

MOST_TOGETHER = 8
"""So many rows of inputs are multiplied at a time; the kernel's rows stay in the cache for more."""
MOST_KERNEL_ROWS = 4
"""So many of the kernel's rows at a time meet few rows of inputs."""
DOT = "llvm.x86.avx512bf16.dpbf16ps.512"
"""Adds the products of two vectors of pairs in bfloat16 to one of float32, lane by lane."""
AHEAD = 2048
"""So many bytes ahead the kernel is fetched. Its rows lie behind each other, and are read as one
stream, but side by side, which the processor doesn't see through."""


def product_code(processor: Processor, rows: int, is_stacked: bool = False) -> str:
    """LLVM's text of the product of inputs [rows, width] and a kernel [units, width] in bfloat16.

    The result is float32 [rows, units]; the work's parts are the kernel's rows. Inputs are bfloat16
    where the processor multiplies that. Else they are float32, and of each `step` numbers, of which
    the kernel's pairs become two vectors, the first ones of the pairs come before the second ones.

    Args:
        processor: what it is for.
        rows: how many rows of inputs.
        is_stacked: whether the kernel is one of [kernels, units, width], and its number, int32, a
            third argument.
    """
    units_axis = int(is_stacked)
    return "\n".join(
        [
            *_declarations(processor),
            "define internal i64 @count(ptr %arguments) {",
            f"  %units = call i64 @dimension(ptr %arguments, i64 1, i64 {units_axis})",
            "  ret i64 %units",
            "}",
            "define internal void @run(ptr %arguments, ptr %results, i64 %first, i64 %last) {",
            _Product(processor, rows, units_axis).text(),
            "}",
            handler_code(MOST_KERNEL_ROWS),
        ]
    )


def step(processor: Processor) -> int:
    """How many numbers of a row are multiplied at once."""
    return 2 * processor.lanes


def _declarations(processor: Processor) -> list[str]:
    vectors = Vectors(processor.lanes)
    made = [
        *vectors.declarations(),
        "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)",
        "declare float @llvm.fma.f32(float, float, float)",
    ]
    if processor.has_bfloat16_dot:
        pairs = f"<{2 * processor.lanes} x bfloat>"
        made.append(f"declare {vectors.kind} @{DOT}({vectors.kind}, {pairs}, {pairs})")
    return made


class _Product:
    """Writes the function's body."""

    def __init__(self, processor: Processor, rows: int, units_axis: int) -> None:
        self._units_axis = units_axis
        self._processor = processor
        self._v = Vectors(processor.lanes)
        self._lanes = processor.lanes
        self._whole = f"<{self._lanes} x i32>"
        self._input = "i16" if processor.has_bfloat16_dot else "float"
        parts = -(-rows // MOST_TOGETHER)
        ends = [rows * part // parts for part in range(parts + 1)]
        self._groups = [range(*pair) for pair in pairwise(ends)]
        self._together = min(
            MOST_KERNEL_ROWS, max(1, processor.sums // max(map(len, self._groups)))
        )
        self.code = Code()

    def text(self) -> str:
        let, together = self.code.let, self._together
        self._inputs = let("call ptr @array(ptr %arguments, i64 0)")
        kernel = let("call ptr @array(ptr %arguments, i64 1)")
        self._outputs = let("call ptr @array(ptr %results, i64 0)")
        self._units, self._width = (
            let(f"call i64 @dimension(ptr %arguments, i64 1, i64 {axis})")
            for axis in (self._units_axis, self._units_axis + 1)
        )
        self._kernel = self._chosen(kernel) if self._units_axis else kernel
        steps = let(f"sdiv i64 {self._width}, {step(self._processor)}")
        self._stepped = let(f"mul i64 {steps}, {step(self._processor)}")
        count = let("sub i64 %last, %first")
        rest = let(f"srem i64 {count}, {together}")
        full = let(f"sub i64 %last, {rest}")
        self.code.each("%first", full, together, lambda unit: self._units_from(unit, together))
        self.code.each(full, "%last", 1, lambda unit: self._units_from(unit, 1))
        self.code.do("ret void")
        return self.code.text()

    def _chosen(self, kernels: Value) -> Value:
        """Where the kernel is whose number is an argument."""
        let = self.code.let
        number = let(f"load i32, ptr {let('call ptr @array(ptr %arguments, i64 2)')}")
        size = let(f"mul i64 {self._units}, {self._width}")
        place = let(f"mul i64 {size}, {let(f'sext i32 {number} to i64')}")
        return let(f"getelementptr i16, ptr {kernels}, i64 {place}")

    def _units_from(self, unit: Value, together: int) -> None:
        for number, group in enumerate(self._groups):
            self._block(unit, together, group, is_first=number == 0)

    def _block(self, unit: Value, together: int, group: range, is_first: bool) -> None:
        """Writes the products of `together` rows of the kernel and a group of the inputs."""
        let = self.code.let
        start = let(f"mul i64 {unit}, {self._width}")
        kernel = [let(f"getelementptr i16, ptr {self._kernel}, i64 {start}")]
        while len(kernel) < together:
            kernel.append(let(f"getelementptr i16, ptr {kernel[-1]}, i64 {self._width}"))
        inputs = []
        for row in group:
            place = let(f"mul i64 {self._width}, {row}")
            inputs.append(let(f"getelementptr {self._input}, ptr {self._inputs}, i64 {place}"))

        def step_of(index: Value, sums: list[Value]) -> list[Value]:
            if is_first:
                self._fetch(kernel[0], index, together)
            return self._step(kernel, inputs, index, sums)

        sums = self.code.loop(
            "0",
            self._stepped,
            step(self._processor),
            step_of,
            self._v.kind,
            ["zeroinitializer"] * (together * len(group)),
        )
        totals = self.code.loop(
            self._stepped,
            self._width,
            1,
            lambda index, sums: self._single(kernel, inputs, index, sums),
            "float",
            self._v.sums(self.code, sums),
        )
        for number, total in enumerate(totals):
            target = let(f"add i64 {unit}, {number % together}")
            offset = let(f"mul i64 {self._units}, {group[number // together]}")
            index = let(f"add i64 {target}, {offset}")
            address = let(f"getelementptr float, ptr {self._outputs}, i64 {index}")
            self.code.do(f"store float {total}, ptr {address}, align 4")

    def _fetch(self, kernel: Value, index: Value, together: int) -> None:
        let = self.code.let
        done = let(f"mul i64 {index}, {2 * together}")
        for line in range(0, 2 * step(self._processor) * together, 64):
            there = let(f"add i64 {done}, {AHEAD + line}")
            address = let(f"getelementptr i8, ptr {kernel}, i64 {there}")
            self.code.do(f"call void @llvm.prefetch.p0(ptr {address}, i32 0, i32 3, i32 1)")

    def _step(
        self, kernel: list[Value], inputs: list[Value], index: Value, sums: list[Value]
    ) -> list[Value]:
        read = self._pairs if self._processor.has_bfloat16_dot else self._halves
        weights = [read(self._load(row, index, "i16", self._whole)) for row in kernel]
        made = []
        for place, row in enumerate(inputs):
            if self._processor.has_bfloat16_dot:
                values = self._pairs(self._load(row, index, "i16", self._whole))
            else:
                behind = self.code.let(f"add i64 {index}, {self._lanes}")
                values = [
                    self._load(row, there, "float", self._v.kind) for there in (index, behind)
                ]
            for other, weight in enumerate(weights):
                total = sums[place * len(kernel) + other]
                made.append(self._add_products(total, weight, values))
        return made

    def _load(self, row: Value, index: Value, element: str, vector: str) -> Value:
        address = self.code.let(f"getelementptr {element}, ptr {row}, i64 {index}")
        return self.code.let(f"load {vector}, ptr {address}, align 2")

    def _pairs(self, bits: Value) -> list[Value]:
        """All numbers of a vector in bfloat16."""
        return [self.code.let(f"bitcast {self._whole} {bits} to <{2 * self._lanes} x bfloat>")]

    def _halves(self, bits: Value) -> list[Value]:
        """The first number of each pair, and the second of each, in float32."""
        let = self.code.let
        first = let(f"shl {self._whole} {bits}, {self._v.whole_constant(16)}")
        second = let(f"and {self._whole} {bits}, {self._v.whole_constant(-65536)}")
        return [let(f"bitcast {self._whole} {half} to {self._v.kind}") for half in (first, second)]

    def _add_products(self, total: Value, weights: list[Value], values: list[Value]) -> Value:
        kind, pairs = self._v.kind, f"<{2 * self._lanes} x bfloat>"
        for weight, value in zip(weights, values, strict=True):
            if self._processor.has_bfloat16_dot:
                call = f"call {kind} @{DOT}({kind} {total}, {pairs} {weight}, {pairs} {value})"
                total = self.code.let(call)
            else:
                total = self._v.fma(self.code, weight, value, total)
        return total

    def _single(
        self, kernel: list[Value], inputs: list[Value], index: Value, totals: list[Value]
    ) -> list[Value]:
        """Adds the products of a single number of each row."""
        weights = [self._number(row, index, "i16") for row in kernel]
        values = [self._number(row, index, self._input) for row in inputs]
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
        number = let(f"load {element}, ptr {address}, align 2")
        if element == "float":
            return number
        bits = let(f"shl i32 {let(f'zext i16 {number} to i32')}, 16")
        return let(f"bitcast i32 {bits} to float")
