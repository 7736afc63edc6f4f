"""Norms over the last axis of a few rows, which XLA makes of four small programs."""

from dataclasses import dataclass
from functools import cache, partial

from hornbook.native.code import Code, Value
from hornbook.native.processor import Processor
from hornbook.native.vectors import Vectors, constant


@dataclass(frozen=True)
class NormShape:
    """What the code depends on.

    Attributes:
        epsilon: added to the mean square, or to the variance.
        is_centred: whether the mean is subtracted.
        has_bias: whether a bias [width] like the scale is the third argument.
        inputs, scale, outputs: whether these are bfloat16, and not float32.
    """

    epsilon: float
    is_centred: bool
    has_bias: bool
    inputs: bool
    scale: bool
    outputs: bool


@cache
def norm_code(processor: Processor, shape: NormShape) -> str:
    """LLVM's text of a norm, whose parts are the rows.

    Its arguments are inputs [rows, width] and a scale [width]; its result is [rows, width]. It is
    computed in float32. Without a mean to subtract, what the scale multiplies is rounded to the
    scale's dtype before.
    """
    vectors = Vectors(processor.lanes)
    return "\n".join(
        [
            *vectors.declarations(),
            *Vectors(1).declarations(),
            "declare float @llvm.sqrt.f32(float)",
            "define internal i64 @count(ptr %arguments) {",
            "  %rows = call i64 @dimension(ptr %arguments, i64 0, i64 0)",
            "  ret i64 %rows",
            "}",
            "define internal void @run(ptr %arguments, ptr %results, i64 %first, i64 %last) {",
            _Norm(vectors, shape).text(),
            "}",
        ]
    )


class _Norm:
    """Writes the function's body."""

    def __init__(self, vectors: Vectors, shape: NormShape) -> None:
        self._shape = shape
        self._wide = vectors
        self.code = Code()

    def text(self) -> str:
        let = self.code.let
        self._inputs = let("call ptr @array(ptr %arguments, i64 0)")
        self._scale = let("call ptr @array(ptr %arguments, i64 1)")
        self._bias = let("call ptr @array(ptr %arguments, i64 2)") if self._shape.has_bias else ""
        self._outputs = let("call ptr @array(ptr %results, i64 0)")
        self._width = let("call i64 @dimension(ptr %arguments, i64 0, i64 1)")
        vectors = let(f"sdiv i64 {self._width}, {self._wide.lanes}")
        self._whole = let(f"mul i64 {vectors}, {self._wide.lanes}")
        self._count = let(f"sitofp i64 {self._width} to float")
        self.code.each("%first", "%last", 1, self._row)
        self.code.do("ret void")
        return self.code.text()

    def _row(self, row: Value) -> None:
        let = self.code.let
        start = let(f"mul i64 {row}, {self._width}")
        mean = constant(0.0)
        if self._shape.is_centred:
            total = self._sum(start, None)
            mean = let(f"fdiv float {total}, {self._count}")
        squares = let(f"fdiv float {self._sum(start, mean)}, {self._count}")
        root = let(f"fadd float {squares}, {constant(self._shape.epsilon)}")
        root = let(f"call float @llvm.sqrt.f32(float {root})")
        factor = let(f"fdiv float {constant(1.0)}, {root}")
        for v, first, end in self._ranges():
            scaled = partial(self._scaled, v, start, mean, factor)
            self.code.each(first, end, v.lanes, scaled)

    def _ranges(self) -> list[tuple[Vectors, Value, Value]]:
        """Whole vectors, and the numbers behind them one by one."""
        return [(self._wide, "0", self._whole), (Vectors(1), self._whole, self._width)]

    def _sum(self, start: Value, mean: Value | None) -> Value:
        """The sum of a row, or that of the squared distances from a mean."""
        total = constant(0.0)
        for v, first, end in self._ranges():
            centre = None if mean is None else v.filled(self.code, mean)

            def added(
                place: Value, sums: list[Value], v: Vectors = v, c: Value | None = centre
            ) -> list[Value]:
                index = self.code.let(f"add i64 {start}, {place}")
                number = self._load(v, self._inputs, index, self._shape.inputs)
                if c is None:
                    return [self.code.let(f"fadd {v.kind} {sums[0]}, {number}")]
                number = self.code.let(f"fsub {v.kind} {number}, {c}")
                return [v.fma(self.code, number, number, sums[0])]

            (sums,) = self.code.loop(first, end, v.lanes, added, v.kind, [v.constant(0.0)])
            total = self.code.let(f"fadd float {total}, {v.sum(self.code, sums)}")
        return total

    def _scaled(self, v: Vectors, start: Value, mean: Value, factor: Value, place: Value) -> None:
        let, code, shape = self.code.let, self.code, self._shape
        index = let(f"add i64 {start}, {place}")
        number = self._load(v, self._inputs, index, shape.inputs)
        number = let(f"fsub {v.kind} {number}, {v.filled(code, mean)}")
        number = let(f"fmul {v.kind} {number}, {v.filled(code, factor)}")
        if shape.scale and not shape.is_centred:
            number = v.widened(code, v.rounded(code, number))
        number = let(f"fmul {v.kind} {number}, {self._load(v, self._scale, place, shape.scale)}")
        if shape.has_bias:
            number = let(f"fadd {v.kind} {number}, {self._load(v, self._bias, place, shape.scale)}")
        element = "i16" if shape.outputs else "float"
        address = let(f"getelementptr {element}, ptr {self._outputs}, i64 {index}")
        if shape.outputs:
            v.store_bfloat16(code, number, address)
        else:
            code.do(f"store {v.kind} {number}, ptr {address}, align 4")

    def _load(self, v: Vectors, array: Value, index: Value, is_half: bool) -> Value:
        let = self.code.let
        if is_half:
            return v.load_bfloat16(self.code, let(f"getelementptr i16, ptr {array}, i64 {index}"))
        address = let(f"getelementptr float, ptr {array}, i64 {index}")
        return let(f"load {v.kind}, ptr {address}, align 4")
