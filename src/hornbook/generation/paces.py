"""How many slots a batch should go on with, from what its steps have taken so far."""

COMPILATION_MARGIN = 2.0
"""A batch is compiled for where that saves so many times what it costs."""
SHARE_OF_ROWS = 0.5
"""So much of a step's time is taken to go with its rows; the rest is that of reading weights."""
RECORDED_STEPS = 4
"""What a step is worth for the first time where nothing is compiled, but calls are recorded."""

Shape = tuple[int, int]
"""The slots of a batch, and its capacity."""


def fitting_widths(count: int, width: int) -> list[int]:
    """The powers of two below `width` with room for `count` slots, the smallest first.

    Example:
        >>> fitting_widths(2, 8), fitting_widths(3, 6), fitting_widths(5, 8), fitting_widths(3, 3)
        ([2, 4], [4], [], [])
    """
    widths = [1 << (count - 1).bit_length()]
    while widths[-1] < width:
        widths.append(2 * widths[-1])
    return widths[:-1]


class Paces:
    """What a program's steps have taken, for each shape of a batch.

    A shape that steps were taken of is one that the backend is ready for. Where it compiles, others
    cost as much as the first steps of a larger batch did.

    Args:
        compiles: whether the backend compiles a program for each shape.

    Example:
        >>> paces = Paces(compiles=True)
        >>> paces.clock((8, 128), 3.0, steps=1)
        >>> paces.clock((8, 128), 0.8, steps=8)
        >>> paces.width(2, (8, 128), steps=100), paces.width(2, (8, 128), steps=500)
        (8, 2)
    """

    def __init__(self, compiles: bool) -> None:
        self._compiles = compiles
        self._first: dict[Shape, float] = {}
        self._step: dict[Shape, float] = {}

    def clock(self, shape: Shape, seconds: float, steps: int) -> None:
        """Learns how long a call of so many steps took."""
        if shape not in self._first:
            self._first[shape] = seconds
            return
        pace = seconds / steps
        self._step[shape] = min(pace, self._step.get(shape, pace))

    def first_width(self, count: int, size: int, capacity: int) -> int:
        """The slots of a batch that begins with `count` of them, of at most `size`."""
        widths = fitting_widths(count, size)
        if self._compiles:
            widths = [width for width in widths if (width, capacity) in self._first]
        return min(widths, default=size)

    def width(self, count: int, shape: Shape, steps: int) -> int:
        """The slots that a batch should go on with.

        Args:
            count: how many are in use.
            shape: what the batch is.
            steps: how many are left to take.
        """
        width, capacity = shape
        widths = fitting_widths(count, width)
        known = [each for each in widths if (each, capacity) in self._first]
        if widths and self._pays(shape, widths[0], steps):
            return widths[0]
        return min(known, default=width)

    def _pays(self, shape: Shape, width: int, steps: int) -> bool:
        if not self._compiles:
            return steps >= RECORDED_STEPS
        if shape not in self._step:
            return False
        saved = SHARE_OF_ROWS * (1 - width / shape[0]) * self._step[shape] * steps
        return saved > COMPILATION_MARGIN * self._first[shape]
