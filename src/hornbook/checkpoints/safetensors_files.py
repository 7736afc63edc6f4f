"""Hugging Face's native weight files: one `model.safetensors`, or shards with an index."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from hornbook.checkpoints.checkpoint import unknown_tensor
from hornbook.checkpoints.safetensors_header import DTYPES, StoredTensor, open_safetensors
from hornbook.checkpoints.staging import publish, staging_folder
from hornbook.errors import CheckpointError

Array = np.ndarray[Any, np.dtype[Any]]

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
SHARD_FILE = "model-{number:05d}-of-{count:05d}.safetensors"
OWN_FILE = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
OTHER_WEIGHTS = (".h5", ".msgpack", ".onnx", ".gguf")
MAX_INDEX_BYTES = 100_000_000


class SafetensorsFolder:
    """The tensors of a model folder, from `model.safetensors` or from shards with an index.

    Opening reads the headers only; `read` returns a read-only view of the file's memory map, in
    the dtype the file has.

    Args:
        folder: a folder in Hugging Face's layout.

    Raises:
        CheckpointError: if there are no such files, or one of them is broken, is missing, lies
            outside the folder, or disagrees with the index.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> write_safetensors(folder, [("bias", np.arange(3, dtype="float16"))])
        >>> SafetensorsFolder(folder).read("bias")
        array([0., 1., 2.], dtype=float16)
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._tensors: dict[str, StoredTensor]
        if (self.folder / SINGLE_FILE).is_file():
            self._tensors = open_safetensors(self.folder / SINGLE_FILE)
        elif (self.folder / INDEX_FILE).is_file():
            self._tensors = _open_shards(self.folder, _read_index(self.folder / INDEX_FILE))
        else:
            raise _without_weights(self.folder)

    @property
    def paths(self) -> list[Path]:
        """The weight files, in order."""
        return sorted({tensor.file.path for tensor in self._tensors.values()})

    def names(self) -> Collection[str]:
        """The tensors' names, in the order they are stored."""
        return self._tensors.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, without reading it."""
        return self._find(name).shape

    def read(self, name: str) -> Array:
        """The tensor as a read-only array, mapped and not yet read."""
        return self._find(name).read()

    def _find(self, name: str) -> StoredTensor:
        if name not in self._tensors:
            raise unknown_tensor(self.folder, name, self.names())
        return self._tensors[name]


def _read_index(path: Path) -> dict[str, str]:
    """The file name of each tensor's shard, as the index gives it."""
    if path.stat().st_size > MAX_INDEX_BYTES:
        raise CheckpointError(f"{path} is too large for an index: over {MAX_INDEX_BYTES} bytes")
    try:
        shard_of = json.loads(path.read_bytes())["weight_map"]
        shards = {str(name): PurePosixPath(shard) for name, shard in shard_of.items()}
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"{path} is not an index: expected JSON with a 'weight_map' from tensor names to file "
            f"names ({type(error).__name__}: {error})"
        ) from error
    for shard in shards.values():
        if shard.is_absolute() or ".." in shard.parts or "\\" in str(shard):
            raise CheckpointError(f"{path} names the shard '{shard}', which is outside its folder")
    return {name: str(shard) for name, shard in shards.items()}


def _open_shards(folder: Path, shard_of: Mapping[str, str]) -> dict[str, StoredTensor]:
    """The tensors of all shards; what the index and the shards say has to agree."""
    tensors: dict[str, StoredTensor] = {}
    for shard in sorted(set(shard_of.values())):
        if not (folder / shard).is_file():
            raise CheckpointError(
                f"{folder / INDEX_FILE} names the shard '{shard}', which is missing; download or "
                "copy the whole folder again"
            )
        for name, tensor in open_safetensors(folder / shard).items():
            if name in tensors:
                raise CheckpointError(
                    f"The tensor '{name}' is in both {tensors[name].file.path} and {folder / shard}"
                )
            if shard_of.get(name) != shard:
                raise CheckpointError(f"{folder / INDEX_FILE} doesn't list '{name}' in '{shard}'")
            tensors[name] = tensor
    if missing := shard_of.keys() - tensors.keys():
        name = min(missing)
        raise CheckpointError(
            f"{folder / shard_of[name]} lacks '{name}', which {INDEX_FILE} says it holds"
        )
    return tensors


def _without_weights(folder: Path) -> CheckpointError:
    if not folder.is_dir():
        return CheckpointError(f"{folder} is not a folder; expected one with {SINGLE_FILE}")
    found = sorted(path.name for path in folder.iterdir())
    expected = f"{folder} has neither {SINGLE_FILE} nor {INDEX_FILE}"
    if pickled := [name for name in found if name.endswith(PICKLED)]:
        return CheckpointError(
            f"{expected}, but {pickled[0]}: pickle files can run code and are never loaded. Where "
            "you trust it, convert it with transformers: "
            "AutoModel.from_pretrained(folder).save_pretrained(new_folder)"
        )
    if other := [name for name in found if name.endswith((".safetensors", *OTHER_WEIGHTS))]:
        return CheckpointError(
            f"{expected}, but {', '.join(other[:3])}; an interrupted download lacks the index, "
            f"other weights have to be converted or named {SINGLE_FILE}, a .gguf file is loaded "
            "by its own path"
        )
    return CheckpointError(f"{expected}; it holds {', '.join(found[:8]) or 'nothing'}")


def write_safetensors(
    folder: str | Path,
    tensors: Iterable[tuple[str, Array]],
    max_shard_size: int | str = "5GB",
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes tensors as Hugging Face names them: all of them arrive in the folder, or none.

    They become `model.safetensors`, or, where that would be larger than `max_shard_size`,
    `model-00001-of-0000N.safetensors` and so on with an index. `tensors` is consumed one by one
    and at most one shard is held in memory. An older checkpoint in the folder stays whole until
    the new one is, and then disappears.

    Args:
        folder: where to write; made if it doesn't exist.
        tensors: names and arrays of a dtype that safetensors knows, bfloat16 included.
        max_shard_size: bytes, or a string such as "5GB" or "500MiB". A tensor that is larger gets
            a shard of its own.
        metadata: strings for the header; by default {"format": "pt"}, without which transformers
            refuses the file.

    Raises:
        CheckpointError: for a repeated name, a dtype that can't be stored, a size that can't be
            understood, no tensors at all, or a folder that can't be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> layers = ((f"layer.{i}", np.ones((4, 4), "float32")) for i in range(3))
        >>> write_safetensors(folder, layers, max_shard_size=128)
        >>> sorted(path.name for path in folder.iterdir())[:2]
        ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    """
    folder = Path(folder)
    limit = size_in_bytes(max_shard_size)
    header = {"format": "pt", **(metadata or {})}
    try:
        with staging_folder(folder) as staging:
            names = _stage_shards(staging, _group(tensors, limit), header)
            publish(staging, folder, names)
        for path in sorted(folder.iterdir()):
            if OWN_FILE.fullmatch(path.name) and path.name not in names:
                path.unlink()
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"The weights can't be written to {folder}: {error}") from error


def size_in_bytes(size: int | str) -> int:
    """The bytes that a size such as 1000, "5GB" (decimal) or "500MiB" (binary) means.

    Raises:
        CheckpointError: if it isn't a positive number with a known unit.

    Example:
        >>> size_in_bytes("5GB"), size_in_bytes("1KiB")
        (5000000000, 1024)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(I?))?B?", str(size).strip().upper())
    number = 0
    if match:
        base, power = 1024 if match[3] else 1000, " KMGT".index(match[2] or " ")
        number = int(float(match[1]) * base**power)
    if number <= 0:
        raise CheckpointError(f"Expected a size such as 1000000, '5GB' or '500MiB', got {size!r}")
    return number


def _group(tensors: Iterable[tuple[str, Array]], limit: int) -> Iterator[dict[str, Array]]:
    """Collects tensors until the next would make a shard larger than `limit` bytes."""
    shard: dict[str, Array] = {}
    seen: set[str] = set()
    nbytes = 0
    for name, tensor in tensors:
        if name in seen or name == "__metadata__":
            raise CheckpointError(f"The tensor '{name}' can't be saved: the name is taken")
        if tensor.dtype.newbyteorder("<") not in DTYPES.values():
            raise CheckpointError(
                f"The tensor '{name}' of dtype {tensor.dtype} can't be saved; safetensors files "
                f"hold {', '.join(str(dtype) for dtype in DTYPES.values())}"
            )
        seen.add(name)
        if shard and nbytes + tensor.nbytes > limit:
            yield shard
            shard, nbytes = {}, 0
        shard[name] = np.asarray(tensor, order="C")
        nbytes += tensor.nbytes
    if not seen:
        raise CheckpointError("There is nothing to save: no tensors were given")
    yield shard


def _save(shard: dict[str, Array], path: Path, header: dict[str, str]) -> None:
    """Writes one file with the permissions that the user's other new files get."""
    path.touch()
    mode = path.stat().st_mode
    save_file(shard, path, metadata=header)
    path.chmod(mode)  # the library makes its files readable by their owner alone


def _stage_shards(
    staging: Path, shards: Iterable[dict[str, Array]], header: dict[str, str]
) -> list[str]:
    """Writes the shards and their index into `staging`; returns the names, the index last."""
    contents: list[list[str]] = []
    total = 0
    for shard in shards:
        _save(shard, staging / str(len(contents)), header)
        contents.append(list(shard))
        total += sum(tensor.nbytes for tensor in shard.values())
        shard.clear()  # before the next one is collected
    if len(contents) == 1:
        (staging / "0").rename(staging / SINGLE_FILE)
        return [SINGLE_FILE]
    names = [SHARD_FILE.format(number=i + 1, count=len(contents)) for i in range(len(contents))]
    for i, name in enumerate(names):
        (staging / str(i)).rename(staging / name)
    weight_map = {
        tensor: name for name, shard in zip(names, contents, strict=True) for tensor in shard
    }
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (staging / INDEX_FILE).write_text(json.dumps(index, indent=2) + "\n")
    return [*names, INDEX_FILE]
