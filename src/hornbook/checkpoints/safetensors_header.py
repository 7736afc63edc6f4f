"""What one safetensors file holds, and where: its header, checked and read.

The format is described at https://huggingface.co/docs/safetensors.
"""

import json
import struct
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from hornbook.checkpoints.mapped_file import MappedFile
from hornbook.errors import CheckpointError

DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}


class StoredTensor(NamedTuple):
    """Where a tensor lies: its file, the offset of its first byte in it, dtype and shape."""

    file: MappedFile
    offset: int
    dtype: str
    shape: tuple[int, ...]

    def read(self) -> np.ndarray[Any, np.dtype[Any]]:
        """A read-only view of the tensor in the file's memory map."""
        if self.dtype not in DTYPES:
            raise CheckpointError(
                f"{self.file.path} holds a tensor of dtype {self.dtype}, which hornbook can't "
                f"read; it reads {', '.join(DTYPES)}"
            )
        return self.file.view(self.offset, DTYPES[self.dtype], self.shape)


def open_safetensors(path: Path) -> dict[str, StoredTensor]:
    """Maps a file into memory and returns its tensors by name, in the order they are stored.

    Raises:
        CheckpointError: if the file is missing, truncated, or its header is not consistent.
    """
    file = MappedFile(path)
    _validate(path)
    (length,) = struct.unpack_from("<Q", file.memory)
    start = 8 + length
    header = _parse_header(path, file.memory[8:start])
    return {
        name: StoredTensor(
            file, start + entry["data_offsets"][0], entry["dtype"], tuple(entry["shape"])
        )
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"])
    }


def _validate(path: Path) -> None:
    """Lets the format's own library check the header's size and every shape and offset in it.

    It proves that the tensors fill the file without holes or overlaps. Its own reading is not
    used because it copies every tensor, and keeps the file's pages besides.
    """
    try:
        with safe_open(path, framework="np"):
            pass
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a complete safetensors file ({error}); download or copy it again"
        ) from error


def _parse_header(path: Path, text: bytes) -> dict[str, dict[str, Any]]:
    """The header's tensors; the library lets a repeated name pass, here it is an error."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        repeated = [name for name, count in Counter(key for key, _ in pairs).items() if count > 1]
        if repeated:
            raise CheckpointError(f"{path} lists the tensor '{repeated[0]}' twice in its header")
        return dict(pairs)

    header: dict[str, dict[str, Any]] = json.loads(text, object_pairs_hook=unique)
    header.pop("__metadata__", None)
    return header
