"""Writes functions in LLVM's language, with loops that carry values."""

from collections.abc import Callable, Sequence

Value = str
"""A name or a constant of LLVM's."""
Loop = Callable[[Value, list[Value]], list[Value]]
"""Writes a loop's inside, given its index and what it carries; gives what it carries on."""


class Code:
    """The body of a function, instruction by instruction.

    Example:
        >>> code = Code()
        >>> doubled = code.let("add i64 %number, %number")
        >>> code.do(f"ret i64 {doubled}")
        >>> print(code.text())
        start:
          %v0 = add i64 %number, %number
          ret i64 %v0
    """

    def __init__(self) -> None:
        self._lines = ["start:"]
        self._block = "start"
        self._names = 0

    def text(self) -> str:
        return "\n".join(self._lines)

    def do(self, instruction: str) -> None:
        """Adds an instruction that gives nothing."""
        self._lines.append("  " + instruction)

    def let(self, instruction: str) -> Value:
        """Adds an instruction, and names what it gives."""
        name = f"%v{self._new()}"
        self.do(f"{name} = {instruction}")
        return name

    def loop(
        self,
        first: Value,
        end: Value,
        step: int,
        inside: Loop,
        kind: str = "",
        carried: Sequence[Value] = (),
    ) -> list[Value]:
        """Adds a loop of i64 from `first` in steps while below `end`, and gives what it carries.

        Args:
            first: where it begins.
            end: where it ends at the latest.
            step: what the index grows by.
            inside: writes what is repeated.
            kind: LLVM's type of all that is carried.
            carried: their values before the first turn.
        """
        number = self._new()
        head, body, out = (f"{part}{number}" for part in ("head", "body", "out"))
        before, index = self._block, f"%i{number}"
        names = [f"%c{number}.{place}" for place in range(len(carried))]
        self.do(f"br label %{head}")
        self._begin(head)
        phis = len(self._lines)
        goes_on = self.let(f"icmp slt i64 {index}, {end}")
        self.do(f"br i1 {goes_on}, label %{body}, label %{out}")
        self._begin(body)
        made = inside(index, names)
        following = self.let(f"add i64 {index}, {step}")
        self._lines[phis:phis] = [
            f"  {name} = phi {type_} [ {old}, %{before} ], [ {new}, %{self._block} ]"
            for name, type_, old, new in zip(
                [index, *names],
                ["i64", *[kind] * len(names)],
                [first, *carried],
                [following, *made],
                strict=True,
            )
        ]
        self.do(f"br label %{head}")
        self._begin(out)
        return names

    def each(self, first: Value, end: Value, step: int, inside: Callable[[Value], None]) -> None:
        """Adds such a loop that carries nothing."""

        def turn(index: Value, _: list[Value]) -> list[Value]:
            inside(index)
            return []

        self.loop(first, end, step, turn)

    def when(self, condition: Value, inside: Callable[[], None]) -> None:
        """Adds what is done where a bit is set."""
        number = self._new()
        self.do(f"br i1 {condition}, label %then{number}, label %on{number}")
        self._begin(f"then{number}")
        inside()
        self.do(f"br label %on{number}")
        self._begin(f"on{number}")

    def _begin(self, block: str) -> None:
        self._lines.append(f"{block}:")
        self._block = block

    def _new(self) -> int:
        self._names += 1
        return self._names - 1
