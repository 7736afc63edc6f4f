"""Sizes that prompts and caches are rounded up to, so that few programs are compiled.

Sizes are powers of two and, from 512 up, halfway between them, where padding begins to cost more
than a compilation: a prompt is padded to less than twice its length, a long one to less than 1.5
times, and so are the slots that attention reads. A model of 8,192 positions needs at most 14
programs for prompts and 11 for decoding, for each batch size.
"""

PROMPT_MINIMUM = 16
CACHE_MINIMUM = 128
HALFWAY_FROM = 512
CACHE_ROOM = 64
"""A new cache holds at least so many tokens more than there are, unless the limit is nearer."""


def prompt_bucket(length: int, maximum: int) -> int:
    """The size that prompts of up to `length` tokens are padded to.

    Example:
        >>> prompt_bucket(5, 1000), prompt_bucket(32, 1000), prompt_bucket(600, 1000)
        (16, 32, 768)
    """
    return _bucket(length, PROMPT_MINIMUM, maximum)


def cache_bucket(length: int, limit: int, maximum: int) -> int:
    """The slots of a cache for rows of up to `length` tokens that may grow to `limit`.

    Example:
        >>> cache_bucket(5, 20, 1000), cache_bucket(100, 1000, 1000), cache_bucket(128, 128, 1000)
        (128, 256, 128)
    """
    return _bucket(min(length + CACHE_ROOM, limit), CACHE_MINIMUM, maximum)


def _bucket(length: int, minimum: int, maximum: int) -> int:
    size = max(minimum, 1 << (length - 1).bit_length())
    if size > HALFWAY_FROM and length <= size // 4 * 3:
        size = size // 4 * 3
    return min(size, maximum)
