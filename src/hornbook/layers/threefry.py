"""Random words from counters, as many at once as there are counters."""

from collections.abc import Callable
from typing import Any

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
ROUNDS = 20


def threefry(
    keys: tuple[Any, Any],
    counters: tuple[Any, Any],
    rotate: Callable[[Any, int], Any],
    word: Callable[[int], Any],
) -> tuple[Any, Any]:
    """Threefry-2x32-20 of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (2011).

    JAX's own generator is the same, in a loop on the CPU that writes its words out round by round.
    This one is a chain of 32-bit calls that a compiler makes one of.

    Args:
        keys: two uint32 scalars.
        counters: two uint32 tensors of one shape; no pair should come twice under the same keys.
        rotate: rotates each word to the left.
        word: gives a number as uint32.

    Returns:
        Two uint32 tensors of that shape, each word uniform.
    """
    schedule = (*keys, keys[0] ^ keys[1] ^ word(PARITY))
    x, y = counters[0] + schedule[0], counters[1] + schedule[1]
    for index in range(ROUNDS):
        x = x + y
        y = rotate(y, ROTATIONS[index // 4 % 2][index % 4]) ^ x
        if index % 4 == 3:
            turn = index // 4 + 1
            x = x + schedule[turn % 3]
            y = y + schedule[(turn + 1) % 3] + word(turn)
    return x, y


def least_word(probability: float) -> int:
    """The number that uniform words are below with a probability under 1."""
    return min(round(probability * 2**32), 2**32 - 1)
