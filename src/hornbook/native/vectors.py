"""Vectors of float32 in LLVM's language, as wide as the processor's."""

import struct
from collections.abc import Sequence

from hornbook.native.code import Code, Value

LOG2_E = 1.4426950408889634
LN_2_HIGH = 0.693359375
LN_2_LOW = -2.12194440e-4
"""Their sum is ln 2; products of whole numbers with the first are exact."""
LOWEST_EXPONENT = -87.0
"""Where exp is nearly 0, and still a normal number."""


def constant(number: float) -> Value:
    """A float32 constant, which LLVM writes as the bits of a double of the same value."""
    (single,) = struct.unpack("f", struct.pack("f", number))
    return "0x" + struct.pack(">d", single).hex().upper()


class Vectors:
    """Writes what is done with vectors of so many float32 numbers."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.kind = f"<{lanes} x float>"
        self._whole = f"<{lanes} x i32>"
        self._half = f"<{lanes} x i16>"

    def declarations(self) -> list[str]:
        """Of the functions that are called."""
        kind, lanes = self.kind, self.lanes
        return [
            f"declare {kind} @llvm.fma.v{lanes}f32({kind}, {kind}, {kind})",
            f"declare {kind} @llvm.rint.v{lanes}f32({kind})",
        ]

    def constant(self, number: float) -> Value:
        return "<" + ", ".join([f"float {constant(number)}"] * self.lanes) + ">"

    def whole_constant(self, number: int) -> Value:
        return "<" + ", ".join([f"i32 {number}"] * self.lanes) + ">"

    def filled(self, code: Code, number: Value) -> Value:
        """A vector of the same number."""
        single = code.let(f"insertelement {self.kind} poison, float {number}, i32 0")
        return code.let(
            f"shufflevector {self.kind} {single}, {self.kind} poison, {self._whole} zeroinitializer"
        )

    def fma(self, code: Code, one: Value, other: Value, added: Value) -> Value:
        kind = self.kind
        return code.let(
            f"call {kind} @llvm.fma.v{self.lanes}f32({kind} {one}, {kind} {other}, {kind} {added})"
        )

    def load_bfloat16(self, code: Code, address: Value) -> Value:
        return self.widened(code, code.let(f"load {self._half}, ptr {address}, align 2"))

    def store_bfloat16(self, code: Code, numbers: Value, address: Value) -> None:
        code.do(f"store {self._half} {self.rounded(code, numbers)}, ptr {address}, align 2")

    def rounded(self, code: Code, numbers: Value) -> Value:
        """The bits of the nearest numbers in bfloat16, of two the even one."""
        let, whole = code.let, self._whole
        bits = let(f"bitcast {self.kind} {numbers} to {whole}")
        upper = let(f"lshr {whole} {bits}, {self.whole_constant(16)}")
        is_odd = let(f"and {whole} {upper}, {self.whole_constant(1)}")
        half = let(f"add {whole} {is_odd}, {self.whole_constant(32767)}")
        above = let(f"add {whole} {bits}, {half}")
        above = let(f"lshr {whole} {above}, {self.whole_constant(16)}")
        return let(f"trunc {whole} {above} to {self._half}")

    def widened(self, code: Code, numbers: Value) -> Value:
        """Numbers in float32, of their bits in bfloat16."""
        wide = code.let(f"zext {self._half} {numbers} to {self._whole}")
        bits = code.let(f"shl {self._whole} {wide}, {self.whole_constant(16)}")
        return code.let(f"bitcast {self._whole} {bits} to {self.kind}")

    def from_place(self, code: Code, place: Value, count: int) -> Value:
        """Of `count` bits, those from `place` on are set."""
        small = code.let(f"trunc i64 {place} to i8")
        single = code.let(f"insertelement <{count} x i8> poison, i8 {small}, i32 0")
        places = code.let(
            f"shufflevector <{count} x i8> {single}, <{count} x i8> poison,"
            f" <{count} x i32> zeroinitializer"
        )
        own = "<" + ", ".join(f"i8 {lane}" for lane in range(count)) + ">"
        return code.let(f"icmp uge <{count} x i8> {own}, {places}")

    def part(self, code: Code, bits: Value, count: int, number: int) -> Value:
        """A vector's share of many bits."""
        lanes = ", ".join(f"i32 {number * self.lanes + lane}" for lane in range(self.lanes))
        return code.let(
            f"shufflevector <{count} x i1> {bits}, <{count} x i1> poison, {self._whole} <{lanes}>"
        )

    def exp(self, code: Code, numbers: Value) -> Value:
        """E to the power of numbers that are not above 0, to about one unit in the last place."""
        let, kind = code.let, self.kind
        lowest = self.constant(LOWEST_EXPONENT)
        is_low = let(f"fcmp olt {kind} {numbers}, {lowest}")
        numbers = let(f"select <{self.lanes} x i1> {is_low}, {kind} {lowest}, {kind} {numbers}")
        twos = let(f"fmul {kind} {numbers}, {self.constant(LOG2_E)}")
        whole = let(f"call {kind} @llvm.rint.v{self.lanes}f32({kind} {twos})")
        rest = self.fma(code, whole, self.constant(-LN_2_HIGH), numbers)
        rest = self.fma(code, whole, self.constant(-LN_2_LOW), rest)
        # Taylor's polynomial; its rest is below 2e-8 for half of ln 2.
        power = self.constant(1 / 5040)
        for factor in (1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
            power = self.fma(code, power, rest, self.constant(factor))
        exponent = let(f"fptosi {kind} {whole} to {self._whole}")
        exponent = let(f"add {self._whole} {exponent}, {self.whole_constant(127)}")
        bits = let(f"shl {self._whole} {exponent}, {self.whole_constant(23)}")
        return let(f"fmul {kind} {power}, {let(f'bitcast {self._whole} {bits} to {kind}')}")

    def highest(self, code: Code, vectors: Sequence[Value]) -> Value:
        """The highest number of all."""
        left = list(vectors)
        while len(left) > 1:
            pairs = zip(left[::2], left[1::2], strict=False)
            left = [self._higher(code, *pair) for pair in pairs] + left[len(left) // 2 * 2 :]
        size = self.lanes
        vector = left[0]
        while size > 1:
            size //= 2
            vector = self._higher(code, vector, self._turned(code, vector, size))
        return code.let(f"extractelement {self.kind} {vector}, i32 0")

    def sum(self, code: Code, vector: Value) -> Value:
        """The sum of a vector's lanes."""
        size = self.lanes
        while size > 1:
            size //= 2
            vector = code.let(f"fadd {self.kind} {vector}, {self._turned(code, vector, size)}")
        return code.let(f"extractelement {self.kind} {vector}, i32 0")

    def sums(self, code: Code, vectors: Sequence[Value]) -> list[Value]:
        """The sum of each vector's lanes."""
        left, places = self._summed(code, vectors)
        return [
            code.let(f"extractelement {self.kind} {left[vector]}, i32 {lane}")
            for vector, lane in places
        ]

    def sums_as_vector(self, code: Code, vectors: Sequence[Value]) -> Value:
        """The same for as many vectors as they have lanes, as one vector."""
        left, places = self._summed(code, vectors)
        order = ", ".join(f"i32 {lane}" for _, lane in places)
        return code.let(
            f"shufflevector {self.kind} {left[0]}, {self.kind} poison, {self._whole} <{order}>"
        )

    def _summed(
        self, code: Code, vectors: Sequence[Value]
    ) -> tuple[list[Value], list[tuple[int, int]]]:
        """Vectors of sums, and the vector and the lane of each.

        Two vectors become one that holds half as many lanes of each, until one lane each is left.
        """
        owners = [[place] for place in range(len(vectors))]
        size = self.lanes
        left = list(vectors)
        while size > 1:
            size //= 2
            if len(left) % 2:
                left.append(left[-1])
                owners.append(owners[-1])
            pairs = range(0, len(left), 2)
            left = [self._halved(code, left[place], left[place + 1], size) for place in pairs]
            owners = [owners[place] + owners[place + 1] for place in pairs]
        found = {
            owner: (vector, lane)
            for vector, those in enumerate(owners)
            for lane, owner in enumerate(those)
        }
        return left, [found[place] for place in range(len(vectors))]

    def _halved(self, code: Code, one: Value, other: Value, size: int) -> Value:
        """Adds the upper half of each run of `2 * size` lanes to its lower half."""
        lower = [lane for lane in range(2 * self.lanes) if lane // size % 2 == 0]
        halves = [
            self._shuffled(code, one, other, [lane + offset for lane in lower])
            for offset in (0, size)
        ]
        return code.let(f"fadd {self.kind} {halves[0]}, {halves[1]}")

    def _turned(self, code: Code, vector: Value, size: int) -> Value:
        lanes = [(lane + size) % self.lanes for lane in range(self.lanes)]
        return self._shuffled(code, vector, vector, lanes)

    def _shuffled(self, code: Code, one: Value, other: Value, lanes: Sequence[int]) -> Value:
        chosen = ", ".join(f"i32 {lane}" for lane in lanes)
        return code.let(
            f"shufflevector {self.kind} {one}, {self.kind} {other}, {self._whole} <{chosen}>"
        )

    def _higher(self, code: Code, one: Value, other: Value) -> Value:
        is_higher = code.let(f"fcmp ogt {self.kind} {one}, {other}")
        bits = f"<{self.lanes} x i1> {is_higher}"
        return code.let(f"select {bits}, {self.kind} {one}, {self.kind} {other}")
