"""The highest outputs of a product with a large kernel, of which only a few rows are read.

The kernel in whole numbers of 8 bits, a quarter of what it is in float32, says what each output is
at most. Of the outputs that may be the highest then, the product is computed.
"""

from functools import cache

from hornbook.native.code import Value
from hornbook.native.operands import Codes, operands
from hornbook.native.processor import Processor
from hornbook.native.product import SUMS_OF_FEW, ProductShape, ProductWriter
from hornbook.native.vectors import constant


@cache
def bounds_code(processor: Processor, rows: int) -> str:
    """LLVM's text of what the outputs are at most: float32 [rows, units].

    Arguments are inputs float32 [rows, width], the codes int8 [units, width], by which scale
    float32 [units] they are to be multiplied, how far off float32 [units] is then the product with
    inputs of norm 1, and the norms float32 [rows]. The work's parts are the units.
    """
    return _Bounds(Codes(processor), processor, ProductShape(rows, is_half=False)).module()


@cache
def likeliest_code(processor: Processor, rows: int, is_half: bool) -> str:
    """LLVM's text of a product's outputs [rows, units] that reach a bound, and minus infinity.

    Arguments are inputs [rows, width] and kernel [units, width] as those of `product_code`, what
    the outputs are at most float32 [rows, units], and what that has to reach float32 [rows] for an
    output to be computed, as `product_code` computes that of a single row. The work's parts are the
    units.
    """
    shape = ProductShape(rows, is_half)
    return _Likeliest(operands(processor, is_half), processor, shape).module()


class _Bounds(ProductWriter):
    """Writes a product that is scaled, and what it is off is added to it."""

    _few = 0  # so short rows one by one would end before they are fetched

    def _find(self) -> None:
        super()._find()
        self._scales, self._errors, self._norms = map(self._argument, (2, 3, 4))

    def _terms(self, unit: Value) -> list[Value]:
        return [self._number(array, unit, "float") for array in (self._scales, self._errors)]

    def _finished(self, total: Value, terms: list[Value], row: int) -> Value:
        scale, error = terms
        norm = self._number(self._norms, str(row), "float")
        off = self.code.let(f"fmul float {error}, {norm}")
        return self.code.let(f"call float @llvm.fma.f32(float {total}, float {scale}, float {off})")


class _Likeliest(ProductWriter):
    """Writes products of single rows, where bounds allow them to be the highest."""

    def _text(self) -> str:
        self._find()
        self._together, self._sums_each = 1, SUMS_OF_FEW  # as in the product of a single row
        self._bounds, least = self._argument(2), self._argument(3)
        lanes = self._v.lanes
        full = self._full("%first", "%last", lanes)
        for row in range(self._shape.rows):
            reached = self._number(least, str(row), "float")

            def several(unit: Value, row: int = row, reached: Value = reached) -> None:
                self._from(unit, row, reached)

            def single(unit: Value, row: int = row, reached: Value = reached) -> None:
                self._output(unit, row, reached)

            self.code.each("%first", full, lanes, several)
            self.code.each(full, "%last", 1, single)
        self.code.do("ret void")
        return self.code.text()

    def _from(self, unit: Value, row: int, reached: Value) -> None:
        """Writes a vector of outputs, most often of none that may be the highest."""
        let, v = self.code.let, self._v
        index = self._index(unit, row)
        address = let(f"getelementptr float, ptr {self._bounds}, i64 {index}")
        bounds = let(f"load {v.kind}, ptr {address}, align 4")
        reach = let(f"fcmp oge {v.kind} {bounds}, {v.filled(self.code, reached)}")
        bits = let(f"bitcast <{v.lanes} x i1> {reach} to i{v.lanes}")
        lowest, kind = v.constant(float("-inf")), "float"
        if self._shape.is_half:
            lowest, kind = v.rounded(self.code, lowest), "i16"
        target = let(f"getelementptr {kind}, ptr {self._outputs}, i64 {index}")
        self.code.do(f"store <{v.lanes} x {kind}> {lowest}, ptr {target}, align 2")

        def single(lane: Value) -> None:
            self._output(let(f"add i64 {unit}, {lane}"), row, reached)

        self.code.when(
            let(f"icmp ne i{v.lanes} {bits}, 0"),
            lambda: self.code.each("0", str(v.lanes), 1, single),
        )

    def _output(self, unit: Value, row: int, reached: Value) -> None:
        index = self._index(unit, row)
        self._store(constant(float("-inf")), index)
        bound = self._number(self._bounds, index, "float")
        self.code.when(
            self.code.let(f"fcmp oge float {bound}, {reached}"),
            lambda: self._block(unit, 1, range(row, row + 1), is_first=False),
        )

    def _index(self, unit: Value, row: int) -> Value:
        start = self.code.let(f"mul i64 {self._units}, {row}")
        return self.code.let(f"add i64 {start}, {unit}")
