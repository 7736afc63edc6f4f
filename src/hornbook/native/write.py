"""Writes keys or values into a cache, without a copy of it."""

from functools import cache

from hornbook.native.code import Code, Value


@cache
def write_code(item_bytes: int, has_slots: bool) -> str:
    """LLVM's text of writing tokens into a cache, whose parts are the rows' heads.

    Its arguments are a cache [batch, heads, slots, width], which its result is too, new ones
    [batch, heads, length, width] of the same dtype, and int32 slots: [batch, length], or the
    first token's [batch], which the others follow. What would lie outside is not written.

    Args:
        item_bytes: the size of a number.
        has_slots: whether each token has a slot of its own.
    """
    return "\n".join(
        [
            "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
            "define internal i64 @count(ptr %arguments) {",
            "  %rows = call i64 @dimension(ptr %arguments, i64 0, i64 0)",
            "  %heads = call i64 @dimension(ptr %arguments, i64 0, i64 1)",
            "  %count = mul i64 %rows, %heads",
            "  ret i64 %count",
            "}",
            "define internal void @run(ptr %arguments, ptr %results, i64 %first, i64 %last) {",
            _Write(item_bytes, has_slots).text(),
            "}",
        ]
    )


class _Write:
    """Writes the function's body."""

    def __init__(self, item_bytes: int, has_slots: bool) -> None:
        self._item_bytes = item_bytes
        self._has_slots = has_slots
        self.code = Code()

    def text(self) -> str:
        let = self.code.let
        self._cache = let("call ptr @array(ptr %results, i64 0)")
        self._new = let("call ptr @array(ptr %arguments, i64 1)")
        self._positions = let("call ptr @array(ptr %arguments, i64 2)")
        self._heads, self._slots, width = (
            let(f"call i64 @dimension(ptr %arguments, i64 0, i64 {axis})") for axis in (1, 2, 3)
        )
        self._length = let("call i64 @dimension(ptr %arguments, i64 1, i64 2)")
        self._size = let(f"mul i64 {width}, {self._item_bytes}")
        self.code.each("%first", "%last", 1, self._part)
        self.code.do("ret void")
        return self.code.text()

    def _part(self, part: Value) -> None:
        row = self.code.let(f"sdiv i64 {part}, {self._heads}")
        self.code.each("0", self._length, 1, lambda token: self._token(part, row, token))

    def _token(self, part: Value, row: Value, token: Value) -> None:
        let = self.code.let
        slot = self._slot(row, token)
        # Below 0 it is a large number without a sign.
        is_inside = let(f"icmp ult i64 {slot}, {self._slots}")

        def write() -> None:
            target = self._place(self._cache, part, self._slots, slot)
            source = self._place(self._new, part, self._length, token)
            self.code.do(
                f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source},"
                f" i64 {self._size}, i1 false)"
            )

        self.code.when(is_inside, write)

    def _slot(self, row: Value, token: Value) -> Value:
        let = self.code.let
        index = row
        if self._has_slots:
            index = let(f"add i64 {let(f'mul i64 {row}, {self._length}')}, {token}")
        address = let(f"getelementptr i32, ptr {self._positions}, i64 {index}")
        slot = let(f"sext i32 {let(f'load i32, ptr {address}')} to i64")
        return slot if self._has_slots else let(f"add i64 {slot}, {token}")

    def _place(self, array: Value, part: Value, length: Value, token: Value) -> Value:
        let = self.code.let
        index = let(f"add i64 {let(f'mul i64 {part}, {length}')}, {token}")
        return let(f"getelementptr i8, ptr {array}, i64 {let(f'mul i64 {index}, {self._size}')}")
