"""Attention of a few queries to a cache, which reads the cache once and keeps no scores.

Keys come in blocks; each query keeps the highest score so far, the sum of its weights and that of
the weighted values, and scales them where a block has a higher one (Milakov and Gimelshein, 2018;
Dao et al., 2022). Blocks that a query may not look at are not read.
"""

from dataclasses import dataclass
from functools import cache

from hornbook.native.code import Code, Value
from hornbook.native.processor import Processor
from hornbook.native.vectors import Vectors, constant

BITS = "uint16"
"""The dtype of a cache that holds the bits of numbers in bfloat16."""
MOST_BLOCK_VECTORS = 4
"""A block has so many vectors of scores at most."""
LOWEST = -1e30
"""Below every score."""


@dataclass(frozen=True)
class AttentionShape:
    """What the code depends on.

    Attributes:
        group: query heads that share one of the keys' heads.
        head_dim: the width of queries and keys.
        value_head_dim: that of the values.
        scale: what scores are multiplied by.
        block_vectors: how many vectors of scores a block has.
        is_half: whether keys and values are bfloat16, else float32.
        masks_rows, masks_queries: whether rows and queries have masks of their own.
    """

    group: int
    head_dim: int
    value_head_dim: int
    scale: float
    block_vectors: int
    is_half: bool
    masks_rows: bool
    masks_queries: bool


@cache
def attention_code(processor: Processor, shape: AttentionShape) -> str:
    """LLVM's text of attention, whose parts are the rows' heads of keys.

    Its arguments are queries [batch, queries, heads, head_dim] in float32, keys [batch, kv_heads,
    slots, head_dim], values and a mask [batch or 1, 1, queries or 1, slots]; its result is float32
    [batch, queries, heads * value_head_dim].
    """
    vectors = Vectors(processor.lanes)
    return "\n".join(
        [
            *vectors.declarations(),
            "define internal i64 @count(ptr %arguments) {",
            "  %rows = call i64 @dimension(ptr %arguments, i64 1, i64 0)",
            "  %heads = call i64 @dimension(ptr %arguments, i64 1, i64 1)",
            "  %count = mul i64 %rows, %heads",
            "  ret i64 %count",
            "}",
            "define internal void @run(ptr %arguments, ptr %results, i64 %first, i64 %last) {",
            _Attention(vectors, shape).text(),
            "}",
        ]
    )


class _Attention:
    """Writes the function's body."""

    def __init__(self, vectors: Vectors, shape: AttentionShape) -> None:
        self._shape = shape
        self._v = vectors
        self._block = shape.block_vectors * vectors.lanes
        self._element = "i16" if shape.is_half else "float"
        self.code = Code()

    def text(self) -> str:
        let = self.code.let
        names = ("queries", "keys", "values", "mask")
        self._arrays = {
            name: let(f"call ptr @array(ptr %arguments, i64 {place})")
            for place, name in enumerate(names)
        }
        self._outputs = let("call ptr @array(ptr %results, i64 0)")
        self._length = let("call i64 @dimension(ptr %arguments, i64 0, i64 1)")
        self._heads = let("call i64 @dimension(ptr %arguments, i64 0, i64 2)")
        self._kv_heads = let("call i64 @dimension(ptr %arguments, i64 1, i64 1)")
        self._slots = let("call i64 @dimension(ptr %arguments, i64 1, i64 2)")
        self._count = let(f"mul i64 {self._length}, {self._shape.group}")
        # Of each query the highest score, and the sum of the weights, lane by lane.
        self._highest = let(f"alloca float, i64 {self._count}")
        self._sums = let(f"alloca {self._v.kind}, i64 {self._count}")
        self._weights = let(f"alloca float, i64 {self._block}")
        self.code.each("%first", "%last", 1, self._part)
        self.code.do("ret void")
        return self.code.text()

    def _part(self, part: Value) -> None:
        """Attends with all queries that share a row's head of keys."""
        let = self.code.let
        row = let(f"sdiv i64 {part}, {self._kv_heads}")
        head = let(f"srem i64 {part}, {self._kv_heads}")
        keys = self._head_of("keys", part, self._shape.head_dim)
        values = self._head_of("values", part, self._shape.value_head_dim)

        def block(first: Value) -> None:
            # The last block begins where it still is inside, and some of it was seen before.
            latest = let(f"sub i64 {self._slots}, {self._block}")
            is_early = let(f"icmp slt i64 {first}, {latest}")
            start = let(f"select i1 {is_early}, i64 {first}, i64 {latest}")

            def attend(query: Value) -> None:
                places = self._query(row, head, query)
                self._see(places, query, (keys, values), first, start)

            self.code.each("0", self._count, 1, attend)

        self.code.each("0", self._count, 1, lambda query: self._begin(row, head, query))
        self.code.each("0", self._slots, self._block, block)
        self.code.each("0", self._count, 1, lambda query: self._end(row, head, query))

    def _begin(self, row: Value, head: Value, query: Value) -> None:
        """Nothing was seen yet."""
        highest, sums = self._kept(query)
        self.code.do(f"store float {constant(LOWEST)}, ptr {highest}")
        self.code.do(f"store {self._v.kind} zeroinitializer, ptr {sums}")
        outputs = self._query(row, head, query)[1]
        for address in self._pieces(outputs, self._shape.value_head_dim):
            self.code.do(f"store {self._v.kind} zeroinitializer, ptr {address}, align 4")

    def _end(self, row: Value, head: Value, query: Value) -> None:
        """Makes the sum of weighted values their mean."""
        let, kind = self.code.let, self._v.kind
        sums = self._kept(query)[1]
        total = self._v.sum(self.code, let(f"load {kind}, ptr {sums}"))
        is_any = let(f"fcmp ogt float {total}, 0.0")
        divisor = self._v.filled(self.code, let(f"select i1 {is_any}, float {total}, float 1.0"))
        outputs = self._query(row, head, query)[1]
        for address in self._pieces(outputs, self._shape.value_head_dim):
            mean = let(f"fdiv {kind} {let(f'load {kind}, ptr {address}, align 4')}, {divisor}")
            self.code.do(f"store {kind} {mean}, ptr {address}, align 4")

    def _head_of(self, name: str, part: Value, width: int) -> Value:
        let = self.code.let
        slot = let(f"mul i64 {part}, {self._slots}")
        place = let(f"mul i64 {slot}, {width}")
        return let(f"getelementptr {self._element}, ptr {self._arrays[name]}, i64 {place}")

    def _kept(self, query: Value) -> tuple[Value, Value]:
        """Where a query's highest score and its sums are."""
        let = self.code.let
        return (
            let(f"getelementptr float, ptr {self._highest}, i64 {query}"),
            let(f"getelementptr {self._v.kind}, ptr {self._sums}, i64 {query}"),
        )

    def _query(self, row: Value, head: Value, query: Value) -> tuple[Value, Value, Value]:
        """Where a query is, its result, and its mask of the first slot."""
        let, shape = self.code.let, self._shape
        token = let(f"sdiv i64 {query}, {shape.group}")
        other = let(f"srem i64 {query}, {shape.group}")
        tokens = let(f"add i64 {let(f'mul i64 {row}, {self._length}')}, {token}")
        heads = let(f"add i64 {let(f'mul i64 {head}, {shape.group}')}, {other}")
        place = let(f"add i64 {let(f'mul i64 {tokens}, {self._heads}')}, {heads}")
        at = let(f"mul i64 {place}, {shape.head_dim}")
        to = let(f"mul i64 {place}, {shape.value_head_dim}")
        masks = row if shape.masks_rows else "0"
        if shape.masks_queries:
            masks = let(f"add i64 {let(f'mul i64 {masks}, {self._length}')}, {token}")
        mask = let(f"mul i64 {masks}, {self._slots}")
        return (
            let(f"getelementptr float, ptr {self._arrays['queries']}, i64 {at}"),
            let(f"getelementptr float, ptr {self._outputs}, i64 {to}"),
            let(f"getelementptr i8, ptr {self._arrays['mask']}, i64 {mask}"),
        )

    def _see(
        self,
        places: tuple[Value, Value, Value],
        query: Value,
        cache: tuple[Value, Value],
        first: Value,
        start: Value,
    ) -> None:
        """Adds a block of keys from `start`, of which those from `first` on are new, to a query."""
        let, block = self.code.let, self._block
        at, outputs, mask = places
        there = let(f"getelementptr i8, ptr {mask}, i64 {start}")
        bytes_ = let(f"load <{block} x i8>, ptr {there}, align 1")
        visible = let(f"icmp ne <{block} x i8> {bytes_}, zeroinitializer")
        seen = let(f"sub i64 {first}, {start}")
        new = self._v.from_place(self.code, seen, block)
        visible = let(f"and <{block} x i1> {visible}, {new}")
        bits = let(f"bitcast <{block} x i1> {visible} to i{block}")
        is_any = let(f"icmp ne i{block} {bits}, 0")

        def attend() -> None:
            keys, values = (
                self._rows(head, start, width)
                for head, width in zip(
                    cache, (self._shape.head_dim, self._shape.value_head_dim), strict=True
                )
            )
            factor = self._weigh(self._scores(at, keys), visible, query)
            self._add_values(outputs, values, factor)

        self.code.when(is_any, attend)

    def _rows(self, head: Value, start: Value, width: int) -> Value:
        place = self.code.let(f"mul i64 {start}, {width}")
        return self.code.let(f"getelementptr {self._element}, ptr {head}, i64 {place}")

    def _scores(self, at: Value, keys: Value) -> list[Value]:
        """The scores of a block of keys, as vectors."""
        let, kind = self.code.let, self._v.kind
        pieces = [
            let(f"load {kind}, ptr {address}, align 4")
            for address in self._pieces(at, self._shape.head_dim)
        ]
        scores = []
        for vector in range(self._shape.block_vectors):
            products = []
            for lane in range(self._v.lanes):
                key = (vector * self._v.lanes + lane) * self._shape.head_dim
                total: Value = "zeroinitializer"
                for number, piece in enumerate(pieces):
                    numbers = self._load(keys, str(key + number * self._v.lanes))
                    total = self._v.fma(self.code, piece, numbers, total)
                products.append(total)
            summed = self._v.sums_as_vector(self.code, products)
            scores.append(let(f"fmul {kind} {summed}, {self._v.constant(self._shape.scale)}"))
        return scores

    def _weigh(self, scores: list[Value], visible: Value, query: Value) -> Value:
        """Stores a block's weights, and gives what all that was summed before is multiplied by."""
        let, kind, lanes = self.code.let, self._v.kind, self._v.lanes
        highest_at, sums_at = self._kept(query)
        masks = [
            self._v.part(self.code, visible, self._block, number) for number in range(len(scores))
        ]
        lowest = self._v.constant(LOWEST)
        scores = [
            let(f"select <{lanes} x i1> {mask}, {kind} {score}, {kind} {lowest}")
            for score, mask in zip(scores, masks, strict=True)
        ]
        before = let(f"load float, ptr {highest_at}")
        highest = self._v.highest(self.code, [self._v.filled(self.code, before), *scores])
        self.code.do(f"store float {highest}, ptr {highest_at}")
        base = self._v.filled(self.code, highest)
        drop = let(f"fsub {kind} {self._v.filled(self.code, before)}, {base}")
        factor = self._v.exp(self.code, drop)
        total = let(f"fmul {kind} {let(f'load {kind}, ptr {sums_at}')}, {factor}")
        for number, (score, mask) in enumerate(zip(scores, masks, strict=True)):
            weight = self._v.exp(self.code, let(f"fsub {kind} {score}, {base}"))
            weight = let(f"select <{lanes} x i1> {mask}, {kind} {weight}, {kind} zeroinitializer")
            place = let(f"getelementptr float, ptr {self._weights}, i64 {number * lanes}")
            self.code.do(f"store {kind} {weight}, ptr {place}, align 4")
            total = let(f"fadd {kind} {total}, {weight}")
        self.code.do(f"store {kind} {total}, ptr {sums_at}")
        return factor

    def _add_values(self, outputs: Value, values: Value, factor: Value) -> None:
        let, kind = self.code.let, self._v.kind
        width = self._shape.value_head_dim
        addresses = self._pieces(outputs, width)
        sums = [
            let(f"fmul {kind} {let(f'load {kind}, ptr {address}, align 4')}, {factor}")
            for address in addresses
        ]

        def add(slot: Value, sums: list[Value]) -> list[Value]:
            weight = let(f"getelementptr float, ptr {self._weights}, i64 {slot}")
            weights = self._v.filled(self.code, let(f"load float, ptr {weight}"))
            start = let(f"mul i64 {slot}, {width}")
            row = let(f"getelementptr {self._element}, ptr {values}, i64 {start}")
            return [
                self._v.fma(self.code, weights, self._load(row, str(place)), total)
                for place, total in zip(range(0, width, self._v.lanes), sums, strict=True)
            ]

        sums = self.code.loop("0", str(self._block), 1, add, kind, sums)
        for address, total in zip(addresses, sums, strict=True):
            self.code.do(f"store {kind} {total}, ptr {address}, align 4")

    def _pieces(self, start: Value, width: int) -> list[Value]:
        """The addresses of a row's vectors."""
        return [
            self.code.let(f"getelementptr float, ptr {start}, i64 {place}")
            for place in range(0, width, self._v.lanes)
        ]

    def _load(self, start: Value, place: Value) -> Value:
        """A vector of keys or values in float32."""
        address = self.code.let(f"getelementptr {self._element}, ptr {start}, i64 {place}")
        if not self._shape.is_half:
            return self.code.let(f"load {self._v.kind}, ptr {address}, align 4")
        return self._v.load_bfloat16(self.code, address)
