"""GGUF files: metadata, and tensors that are dequantized when they are read."""

import math
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hornbook.checkpoints.checkpoint import unknown_tensor
from hornbook.checkpoints.gguf_blocks import TYPES, TensorType, dequantize
from hornbook.checkpoints.gguf_values import LEAST_BYTES, STRING, Cursor
from hornbook.checkpoints.mapped_file import MappedFile
from hornbook.errors import CheckpointError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
MAX_DIMENSIONS = 4
# A metadata entry is at least a key's length, a type and one byte; a tensor a name's length, a
# number of dimensions, a type and an offset.
LEAST_ENTRY_BYTES = LEAST_BYTES[STRING] + 4 + 1
LEAST_TENSOR_BYTES = LEAST_BYTES[STRING] + 4 + 4 + 8


class GGUFFile:
    """A GGUF file of version 2 or 3: its metadata and its tensors, mapped into memory.

    Shapes are row-major like numpy's: GGUF's own dimensions in reverse. F32, F16, BF16 and integer
    tensors are read as views of the file, quantized ones as new float32 arrays. Every count,
    length, dimension and offset is checked against the file's size before memory is taken for it.

    Args:
        path: a `.gguf` file.

    Attributes:
        metadata: scalars, strings and lists by key, such as "tokenizer.ggml.tokens".

    Raises:
        CheckpointError: if the file is broken, of another version, big-endian, one part of several,
            or holds a tensor of an unknown type.

    Example:
        >>> file = GGUFFile("SmolLM2-135M-Instruct.Q4_1.gguf")  # doctest: +SKIP
        >>> file.architecture, file.shape("token_embd.weight")  # doctest: +SKIP
        ('llama', (49152, 576))
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = MappedFile(self.path)
        cursor = Cursor(self.path, self._file.memory)
        _check_version(cursor)
        tensor_count = cursor.count("the number of tensors", LEAST_TENSOR_BYTES)
        entry_count = cursor.count("the number of metadata entries", LEAST_ENTRY_BYTES)
        self.metadata = _read_metadata(cursor, entry_count)
        _check_split(self.path, self.metadata)
        self._tensors = _read_tensors(cursor, tensor_count, _alignment(cursor, self.metadata))
        _check_extents(cursor, self._tensors, self._file.size)

    @property
    def architecture(self) -> str:
        """The model's architecture, in GGUF's own naming."""
        name = self.metadata.get("general.architecture")
        if not isinstance(name, str):
            raise CheckpointError(f"{self.path} doesn't name its 'general.architecture'")
        return name

    def names(self) -> Collection[str]:
        """The tensors' names, in the file's order."""
        return self._tensors.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, without reading it."""
        return self._find(name).shape

    def tensor_type(self, name: str) -> str:
        """How a tensor is stored, in ggml's naming: "F32", "Q4_K", ..."""
        return self._find(name).type.name

    def read(self, name: str) -> np.ndarray[Any, np.dtype[Any]]:
        """The tensor's values: float32 if quantized, otherwise a read-only view as stored."""
        tensor = self._find(name)
        blocks = self._file.view(tensor.offset, tensor.type.dtype, (tensor.blocks,))
        return dequantize(blocks, tensor.type).reshape(tensor.shape)

    def _find(self, name: str) -> "_Tensor":
        if name not in self._tensors:
            raise unknown_tensor(self.path, name, self.names())
        return self._tensors[name]


class _Tensor(NamedTuple):
    offset: int
    shape: tuple[int, ...]
    type: TensorType

    @property
    def blocks(self) -> int:
        return math.prod(self.shape) // self.type.block_size

    @property
    def end(self) -> int:
        return self.offset + self.blocks * self.type.dtype.itemsize


def _check_version(cursor: Cursor) -> None:
    start = cursor.skip(4, "the file's mark")
    mark = cursor.memory[start : start + 4]
    if mark != MAGIC:
        raise cursor.fail(f"it starts with {mark!r} instead of {MAGIC!r}")
    version = cursor.uint32("the version")
    if version not in VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        order = "big-endian" if swapped in VERSIONS else f"of version {version}"
        raise CheckpointError(
            f"{cursor.path} is {order}; hornbook reads little-endian GGUF of versions 2 and 3. "
            "Convert the original model again with a current llama.cpp"
        )


def _read_metadata(cursor: Cursor, count: int) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    for _ in range(count):
        key = cursor.text("a metadata key")
        if key in metadata:
            raise cursor.fail(f"the metadata key '{key}' appears twice")
        metadata[key] = cursor.value(f"the metadata entry '{key}'")
    return metadata


def _check_split(path: Path, metadata: dict[str, Any]) -> None:
    count = metadata.get("split.count", 1)
    if isinstance(count, int) and count > 1:
        raise CheckpointError(
            f"{path} is one of {count} parts; merge them first: "
            "llama-gguf-split --merge FIRST_PART MERGED_FILE"
        )


def _alignment(cursor: Cursor, metadata: dict[str, Any]) -> int:
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or alignment < 1 or alignment.bit_count() != 1:
        raise cursor.fail(f"its alignment is {alignment!r}, expected a power of two")
    return alignment


def _read_tensors(cursor: Cursor, count: int, alignment: int) -> dict[str, _Tensor]:
    """The tensors' places; their offsets count from the first aligned byte after this list."""
    tensors: dict[str, _Tensor] = {}
    for _ in range(count):
        name = cursor.text("a tensor's name")
        if name in tensors:
            raise cursor.fail(f"the tensor '{name}' appears twice")
        tensors[name] = _read_tensor(cursor, name, alignment)
    start = -(-cursor.position // alignment) * alignment
    return {name: tensor._replace(offset=start + tensor.offset) for name, tensor in tensors.items()}


def _read_tensor(cursor: Cursor, name: str, alignment: int) -> _Tensor:
    rank = cursor.uint32(f"the rank of '{name}'")
    if rank > MAX_DIMENSIONS:
        raise cursor.fail(f"the tensor '{name}' has {rank} dimensions, at most 4 are allowed")
    shape = tuple(cursor.uint64(f"a dimension of '{name}'") for _ in range(rank))[::-1]
    number = cursor.uint32(f"the type of '{name}'")
    if number not in TYPES:
        known = ", ".join(known.name for known in TYPES.values())
        raise CheckpointError(
            f"{cursor.path} stores '{name}' in a type that hornbook can't read (ggml's number "
            f"{number}); it reads {known}. Choose a file in one of them"
        )
    offset = cursor.uint64(f"the offset of '{name}'")
    if offset % alignment:
        raise cursor.fail(f"the tensor '{name}' is not aligned to {alignment} bytes")
    tensor = _Tensor(offset, shape, TYPES[number])
    if 0 in shape or (shape[-1] if shape else 1) % tensor.type.block_size:
        raise cursor.fail(
            f"the tensor '{name}' of type {tensor.type.name} has the shape {shape}; its rows have "
            f"to be multiples of {tensor.type.block_size}, and not empty"
        )
    return tensor


def _check_extents(cursor: Cursor, tensors: dict[str, _Tensor], size: int) -> None:
    """Every tensor lies within the file, and none over another."""
    placed = sorted(tensors.items(), key=lambda item: item[1].offset)
    for name, tensor in placed:
        if tensor.end > size:
            raise cursor.fail(
                f"the tensor '{name}' ends at byte {tensor.end}, but the file at byte {size}; "
                "download or copy it again"
            )
    for (name, tensor), (next_name, following) in pairwise(placed):
        if tensor.end > following.offset:
            raise cursor.fail(f"the tensors '{name}' and '{next_name}' overlap")
