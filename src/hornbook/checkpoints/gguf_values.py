"""GGUF's metadata values, read so that a broken file can neither hang nor exhaust memory.

The format is described at https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

import mmap
from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np

from hornbook.errors import CheckpointError

UINT32 = Struct("<I")
UINT64 = Struct("<Q")
BOOL, STRING, ARRAY = 7, 8, 9
SCALARS: dict[int, np.dtype[Any]] = {
    0: np.dtype("u1"),
    1: np.dtype("i1"),
    2: np.dtype("<u2"),
    3: np.dtype("<i2"),
    4: np.dtype("<u4"),
    5: np.dtype("<i4"),
    6: np.dtype("<f4"),
    BOOL: np.dtype("?"),
    10: np.dtype("<u8"),
    11: np.dtype("<i8"),
    12: np.dtype("<f8"),
}
# The fewest bytes that an array's item takes: a string has a length, an array a type besides.
LEAST_BYTES = {kind: dtype.itemsize for kind, dtype in SCALARS.items()} | {STRING: 8, ARRAY: 12}
MAX_DEPTH = 4
# Metadata are Python objects up to eight times their size in the file. Vocabularies of a quarter
# of a million tokens, with their merges, take 12 MB.
MAX_BYTES = 256 * 2**20


class Cursor:
    """A position in a file's memory, which moves on only over bytes that exist.

    Raises:
        CheckpointError: from each method, if what is to be read isn't there or isn't valid.
    """

    def __init__(self, path: Path, memory: mmap.mmap) -> None:
        self.path = path
        self.memory = memory
        self.position = 0
        self.end = min(len(memory), MAX_BYTES)

    def fail(self, reason: str) -> CheckpointError:
        """An error that names the file and the place."""
        return CheckpointError(f"{self.path} is not a valid GGUF file: {reason}")

    def skip(self, nbytes: int, what: str) -> int:
        """Moves over `nbytes` and returns where they start."""
        start = self.position
        if nbytes > self.end - start:
            raise self.fail(
                f"{what} at byte {start} needs {nbytes} bytes, but {self.end - start} are left; "
                "download or copy the file again"
            )
        self.position = start + nbytes
        return start

    def uint32(self, what: str) -> int:
        return int(UINT32.unpack_from(self.memory, self.skip(4, what))[0])

    def uint64(self, what: str) -> int:
        return int(UINT64.unpack_from(self.memory, self.skip(8, what))[0])

    def count(self, what: str, least_bytes: int) -> int:
        """A number of items that each take at least so many bytes of what is left."""
        count = self.uint64(what)
        if count * least_bytes > self.end - self.position:
            raise self.fail(f"{what} is {count}, more than the file has room for")
        return count

    def text(self, what: str) -> str:
        length = self.uint64(what)
        start = self.skip(length, what)
        return self._decode(self.memory[start : start + length], what)

    def value(self, what: str) -> Any:
        """A type number and a value of that type: a Python scalar, a string, or a list."""
        return self._value(self.uint32(what), what, depth=0)

    def _value(self, kind: int, what: str, depth: int) -> Any:
        if kind == STRING:
            return self.text(what)
        if kind == ARRAY:
            return self._array(what, depth)
        return self._scalars(kind, 1, what)[0]

    def _array(self, what: str, depth: int) -> list[Any]:
        if depth == MAX_DEPTH:
            raise self.fail(f"{what} has arrays nested more than {MAX_DEPTH} deep")
        kind = self.uint32(what)
        count = self.count(f"the length of {what}", LEAST_BYTES.get(kind, 1))
        if kind == STRING:
            return self._texts(count, what)
        if kind == ARRAY:
            return [self._array(what, depth + 1) for _ in range(count)]
        return self._scalars(kind, count, what)

    def _scalars(self, kind: int, count: int, what: str) -> list[Any]:
        if kind not in SCALARS:
            raise self.fail(f"{what} has the unknown value type {kind}")
        dtype = SCALARS[kind]
        start = self.skip(count * dtype.itemsize, what)
        if kind == BOOL:  # any byte that isn't zero counts as true
            dtype = np.dtype("u1")
        values = np.frombuffer(self.memory, dtype, count, start)
        return (values != 0).tolist() if kind == BOOL else values.tolist()

    def _texts(self, count: int, what: str) -> list[str]:
        """Strings one after another, in a tight loop: vocabularies have hundreds of thousands."""
        memory, position, end = self.memory, self.position, self.end
        texts = []
        for _ in range(count):
            if position + 8 > end:
                break
            (length,) = UINT64.unpack_from(memory, position)
            position += 8 + length
            if position > end:
                break
            texts.append(memory[position - length : position])
        if len(texts) < count:
            raise self.fail(f"{what} breaks off after {len(texts)} of {count} strings")
        self.position = position
        try:
            return [text.decode() for text in texts]
        except UnicodeDecodeError:
            raise self.fail(f"{what} holds a string that isn't UTF-8") from None

    def _decode(self, text: bytes, what: str) -> str:
        try:
            return text.decode()
        except UnicodeDecodeError:
            raise self.fail(f"{what} is not UTF-8") from None
