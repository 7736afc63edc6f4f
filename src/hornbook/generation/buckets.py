"""Sizes that prompts and caches are rounded up to, so that few programs are compiled.

Sizes are powers of two and, from 512 up, halfway between them, where padding begins to cost more
than a compilation: a prompt is padded to less than twice its length, a long one to less than 1.5
times, and so are the slots that attention reads. The last cache of rows, which holds all that they
may become, has a size at every quarter there, and reads less than 1.25 times what it needs.

A prompt that is longer than two chunks runs in pieces, of a chunk each. Each reads a cache of a
power of two. So with chunks of 256 a model of 8,192 positions needs at most 10 programs for prompts
(16 to 512 tokens, and a chunk with 1,024 to 8,192 slots) and 19 for decoding, for each batch size:
11 if rows may always become as long as the model allows, and the other 8 for nearer limits.
"""

from dataclasses import dataclass

PROMPT_MINIMUM = 16
CACHE_MINIMUM = 128
WHOLE_CHUNKS = 2
"""A prompt of so many chunks runs whole, which takes no longer, and one program."""
PIECE_CHUNKS = 4
"""A cache that pieces read has room for so many chunks at least: what a little more reading costs
is less than what a program costs."""
HALVES_FROM = 512
CACHE_ROOM, ACCELERATOR_ROOM = 64, 512
"""What a cache has room for beyond the tokens that there are. To compile for a larger one takes an
accelerator seconds, and to read what is empty some microseconds a token."""


def prompt_bucket(length: int, maximum: int) -> int:
    """The size that prompts of up to `length` tokens are padded to.

    Example:
        >>> prompt_bucket(5, 1000), prompt_bucket(32, 1000), prompt_bucket(600, 1000)
        (16, 32, 768)
    """
    return _bucket(length, PROMPT_MINIMUM, maximum)


def cache_bucket(length: int, limit: int, maximum: int, room: int = CACHE_ROOM) -> int:
    """The slots of a cache for rows of up to `length` tokens that may grow to `limit`.

    It holds at least `room` tokens more than there are, unless the limit is nearer.

    Example:
        >>> cache_bucket(5, 20, 1000), cache_bucket(100, 1000, 1000), cache_bucket(128, 128, 1000)
        (128, 256, 128)
        >>> cache_bucket(500, 4000, 4000), cache_bucket(500, 564, 4000)
        (768, 640)
    """
    size = _bucket(min(length + room, limit), CACHE_MINIMUM, maximum)
    return min(size, _bucket(limit, CACHE_MINIMUM, maximum, parts=4))


@dataclass(frozen=True)
class Piece:
    """Tokens of prompts that run together.

    Attributes:
        start: the place of the first of them.
        size: how many.
        slots: those of the cache for them and all before them.
    """

    start: int
    size: int
    slots: int

    @property
    def end(self) -> int:
        """The place after the last of them."""
        return self.start + self.size


def prompt_pieces(length: int, chunk: int, maximum: int) -> list[Piece]:
    """The pieces that prompts of up to `length` tokens run in.

    A last piece ends where the model's positions do.

    Example:
        >>> prompt_pieces(100, 256, 8192)
        [Piece(start=0, size=128, slots=128)]
        >>> prompt_pieces(320, 128, 330)[1:]
        [Piece(start=128, size=128, slots=330), Piece(start=256, size=74, slots=330)]
    """
    if length <= WHOLE_CHUNKS * chunk:
        size = min(prompt_bucket(length, maximum), WHOLE_CHUNKS * chunk)
        return [Piece(0, size, size)]
    pieces = [Piece(0, chunk, chunk)]
    while pieces[-1].end < length:
        start = pieces[-1].end
        end = min(start + chunk, maximum)
        slots = min(max(1 << (end - 1).bit_length(), PIECE_CHUNKS * chunk), maximum)
        pieces.append(Piece(start, end - start, slots))
    return pieces


def _bucket(length: int, minimum: int, maximum: int, parts: int = 2) -> int:
    size = max(minimum, 1 << (length - 1).bit_length())
    if size > HALVES_FROM:
        step = size // 2 // parts
        size = -(-length // step) * step
    return min(size, maximum)
