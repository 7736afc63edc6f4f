"""A file as read-only memory, of which tensors are views."""

import math
import mmap
import os
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.errors import CheckpointError

GIT_LFS_POINTER = b"version https://git-lfs"


class MappedFile:
    """A read-only memory map of a whole file.

    Nothing is read before it is touched. The pages of a view are handed back to the system when
    the view dies, so that walking through a checkpoint needs memory for one tensor at a time, not
    for the whole file.

    Raises:
        CheckpointError: if the file can't be read, is empty, or is a Git LFS pointer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self.size = os.fstat(file.fileno()).st_size
                if self.size == 0:
                    raise CheckpointError(f"{path} is empty; download or copy it again")
                self.memory = mmap.mmap(file.fileno(), self.size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise CheckpointError(f"{path} can't be read: {error.strerror}") from error
        if self.memory[: len(GIT_LFS_POINTER)] == GIT_LFS_POINTER:
            raise CheckpointError(
                f"{path} is a Git LFS pointer, not the file itself; run `git lfs pull` beside it"
            )

    def view(
        self, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> np.ndarray[Any, np.dtype[Any]]:
        """A read-only array over the file's bytes from `offset` on; copied only if misaligned.

        Raises:
            CheckpointError: if the array would reach outside the file, or can't have that shape.
        """
        nbytes = math.prod(shape) * dtype.itemsize
        if offset < 0 or offset + nbytes > self.size:
            raise CheckpointError(
                f"{self.path} ends at byte {self.size}, but a tensor reaches from byte {offset} to "
                f"byte {offset + nbytes}; download or copy the file again"
            )
        # The map itself is the array's base, not an array over it: so numpy keeps this array alive
        # as long as any view of it, and pages are not given back under a reader's hands.
        try:
            array: np.ndarray[Any, np.dtype[Any]] = np.ndarray(shape, dtype, self.memory, offset)
        except ValueError as error:  # too many dimensions, or an empty one beside absurd ones
            raise CheckpointError(f"{self.path} has a tensor of shape {shape}: {error}") from error
        if nbytes:
            weakref.finalize(array, _give_back, self.memory, offset, nbytes).atexit = False
        return array if array.flags.aligned else _frozen(array.copy())


def _give_back(memory: mmap.mmap, offset: int, nbytes: int) -> None:
    """Takes pages out of this process; a later read finds them in the system's file cache."""
    if sys.platform == "linux":
        start = offset - offset % mmap.PAGESIZE
        memory.madvise(mmap.MADV_DONTNEED, start, offset + nbytes - start)


def _frozen(array: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[Any]]:
    array.flags.writeable = False
    return array
