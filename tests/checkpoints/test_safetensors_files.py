"""Safetensors folders against the format's own library, and every way in which they can break."""

import json
import mmap
import os
import random
import re
import struct
import sys
import weakref
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors import deserialize, safe_open
from safetensors.numpy import load_file, save_file

from hornbook.checkpoints.safetensors_files import (
    SafetensorsFolder,
    size_in_bytes,
    write_safetensors,
)
from hornbook.checkpoints.safetensors_header import DTYPES
from hornbook.errors import CheckpointError

pytestmark = pytest.mark.backend_free
INDEX = "model.safetensors.index.json"


def small_tensors(count: int = 4, fill: float = 0.0) -> list[tuple[str, np.ndarray]]:
    """Tensors of 48 bytes each."""
    return [(f"layer.{i}.weight", np.full((3, 4), fill + i, np.float32)) for i in range(count)]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def raw_file(path: Path, header: object, body: bytes = b"", length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)


def entry(start: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


# Reading and writing.


@pytest.mark.parametrize(("code", "dtype"), DTYPES.items(), ids=DTYPES)
def test_every_dtype_is_read_and_written_as_the_library_does(tmp_path: Path, code: str, dtype):
    values = np.random.default_rng(0).integers(0, 2, (3, 5)).astype(dtype)
    write_safetensors(tmp_path, [("x", values)])
    ours = SafetensorsFolder(tmp_path)
    path = tmp_path / "model.safetensors"
    with safe_open(path, framework="np") as library:
        assert library.metadata() == {"format": "pt"}
    assert deserialize(path.read_bytes()) == [
        ("x", {"dtype": code, "shape": [3, 5], "data": values.tobytes()})
    ]
    assert ours.read("x").dtype == dtype
    assert ours.shape("x") == (3, 5)
    np.testing.assert_array_equal(ours.read("x"), values)


def test_scalars_empty_and_strided_tensors_keep_their_shape(tmp_path: Path):
    tensors = {
        "scalar": np.array(3.5, np.float16),
        "empty": np.zeros((0, 4), np.float32),
        "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "big_endian": np.arange(3, dtype=">i4"),
    }
    write_safetensors(tmp_path, tensors.items())
    source = SafetensorsFolder(tmp_path)
    assert set(source.names()) == set(tensors)
    for name, values in tensors.items():
        assert source.shape(name) == source.read(name).shape == values.shape
        np.testing.assert_array_equal(source.read(name), values)


def test_read_returns_a_view_of_the_memory_map(tmp_path: Path):
    write_safetensors(tmp_path, small_tensors())
    tensor = SafetensorsFolder(tmp_path).read("layer.1.weight")
    assert isinstance(tensor.base, mmap.mmap)
    assert not tensor.flags.writeable


def test_a_misaligned_tensor_is_read_aligned(tmp_path: Path):
    body = b"\x07" + np.float32(1.5).tobytes()
    header = {"a": entry(0, 1, [1], "U8"), "b": entry(1, 5, [1])}
    raw_file(tmp_path / "model.safetensors", header, body)
    tensor = SafetensorsFolder(tmp_path).read("b")
    assert tensor.flags.aligned
    assert not tensor.flags.writeable
    assert tensor[0] == 1.5


@pytest.mark.skipif(sys.platform != "linux", reason="counts pages in /proc")
def test_reading_takes_no_memory_and_gives_the_file_s_pages_back(tmp_path: Path):
    def resident(kind: str) -> float:
        text = Path("/proc/self/status").read_text()
        return int(re.search(rf"{kind}:\s+(\d+) kB", text)[1]) / 1024

    megabytes = 32
    write_safetensors(tmp_path, [("x", np.ones((megabytes, 2**18), np.float32))])
    source = SafetensorsFolder(tmp_path)
    anonymous, mapped = resident("RssAnon"), resident("RssFile")
    tensor = source.read("x")
    part = tensor[1:].T
    assert tensor.max() == 1
    assert resident("RssAnon") - anonymous < megabytes / 4
    assert resident("RssFile") - mapped > megabytes / 2
    del tensor
    assert resident("RssFile") - mapped > megabytes / 2, "a view of it is still in use"
    del part
    assert resident("RssFile") - mapped < megabytes / 4


def test_saving_over_the_folder_that_is_being_read_is_safe(tmp_path: Path):
    write_safetensors(tmp_path, small_tensors(fill=1))
    source = SafetensorsFolder(tmp_path)
    write_safetensors(tmp_path, [(name, source.read(name) * 2) for name in source.names()])
    assert source.read("layer.0.weight")[0, 0] == 1
    assert SafetensorsFolder(tmp_path).read("layer.0.weight")[0, 0] == 2


# Shards.


def test_shards_and_index_are_named_as_hugging_face_does(tmp_path: Path):
    tensors = small_tensors(5)
    write_safetensors(tmp_path, tensors, max_shard_size=96)
    shards = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    assert sorted(snapshot(tmp_path)) == [*shards, INDEX]
    index = json.loads((tmp_path / INDEX).read_text())
    assert index["metadata"] == {"total_size": 5 * 48}
    assert index["weight_map"] == {f"layer.{i}.weight": shards[i // 2] for i in range(5)}
    for shard in shards:
        assert set(load_file(tmp_path / shard)) == {
            name for name, file in index["weight_map"].items() if file == shard
        }
    source = SafetensorsFolder(tmp_path)
    assert source.paths == [tmp_path / shard for shard in shards]
    for name, values in tensors:
        np.testing.assert_array_equal(source.read(name), values)


def test_a_tensor_larger_than_a_shard_gets_its_own(tmp_path: Path):
    sizes = {"a": 100, "b": 100, "c": 1, "d": 1}
    write_safetensors(
        tmp_path, [(name, np.zeros(n, np.uint8)) for name, n in sizes.items()], max_shard_size=10
    )
    weight_map = json.loads((tmp_path / INDEX).read_text())["weight_map"]
    assert [name[6:11] for name in weight_map.values()] == ["00001", "00002", "00003", "00003"]


def test_the_index_is_sorted_by_name(tmp_path: Path):
    tensors = [(name, np.zeros(4, np.uint8)) for name in ("c", "a", "b")]
    write_safetensors(tmp_path, tensors, max_shard_size=4)
    assert list(json.loads((tmp_path / INDEX).read_text())["weight_map"]) == ["a", "b", "c"]


def test_a_single_file_goes_before_an_index_as_in_transformers(tmp_path: Path):
    write_safetensors(tmp_path, small_tensors(3), max_shard_size=48)
    save_file({"only": np.ones(1)}, tmp_path / "model.safetensors")
    assert list(SafetensorsFolder(tmp_path).names()) == ["only"]


def test_never_more_than_one_shard_is_alive(tmp_path: Path):
    alive: list[weakref.ref] = []
    most = 0

    def stream():
        nonlocal most
        for i in range(40):
            tensor = np.full(100, i, np.uint8)
            alive.append(weakref.ref(tensor))
            most = max(most, sum(reference() is not None for reference in alive))
            yield str(i), tensor
            del tensor

    write_safetensors(tmp_path, stream(), max_shard_size=500)
    assert len(SafetensorsFolder(tmp_path).paths) == 8
    assert most <= 5 + 1  # and the one that no longer fitted


@pytest.mark.parametrize(
    ("size", "expected"),
    [(7, 7), ("7", 7), ("5GB", 5 * 10**9), ("1.5 KiB", 1536), ("2mb", 2 * 10**6), ("3B", 3)],
)
def test_sizes_as_hugging_face_writes_them(size: int | str, expected: int):
    assert size_in_bytes(size) == expected


@pytest.mark.parametrize("size", [0, -1, "", "GB", "5XB", "1e9", "5 G B", True])
def test_a_size_that_is_none_is_an_error(size: int | str):
    with pytest.raises(CheckpointError, match="Expected a size"):
        size_in_bytes(size)


# A save arrives whole, or not at all.

SAVES = {
    "one file": {"tensors": small_tensors(4, fill=10)},
    "as many shards": {"tensors": small_tensors(4, fill=10), "max_shard_size": 96},
    "more shards": {"tensors": small_tensors(4, fill=10), "max_shard_size": 48},
}


@pytest.mark.parametrize("save", SAVES.values(), ids=SAVES)
@pytest.mark.parametrize("old_size", ["5GB", 96], ids=["over one file", "over shards"])
def test_a_new_save_takes_the_place_of_the_old(tmp_path: Path, old_size: int | str, save: dict):
    write_safetensors(tmp_path, small_tensors(5), max_shard_size=old_size)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "adapter_model.safetensors").write_text("not ours")
    write_safetensors(tmp_path, **save)
    alone = tmp_path / "alone"
    write_safetensors(alone, **save)
    others = {"config.json": b"{}", "adapter_model.safetensors": b"not ours"}
    expected = snapshot(alone) | others
    for path in alone.iterdir():
        path.unlink()
    alone.rmdir()
    assert snapshot(tmp_path) == expected


@pytest.mark.parametrize("save", SAVES.values(), ids=SAVES)
@pytest.mark.parametrize("old_size", ["5GB", 96], ids=["over one file", "over shards"])
def test_an_old_save_survives_a_rename_that_fails(
    tmp_path: Path, old_size: int | str, save: dict, monkeypatch: pytest.MonkeyPatch
):
    write_safetensors(tmp_path, small_tensors(4), max_shard_size=old_size)
    before = snapshot(tmp_path)
    replace = Path.replace
    for fails_at in range(20):
        calls = 0

        def failing_replace(path: Path, target: Path, fails_at: int = fails_at) -> Path:
            nonlocal calls
            calls += 1
            if calls == fails_at + 1:
                raise OSError("the disk is gone")
            return replace(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", failing_replace)
            try:
                write_safetensors(tmp_path, **save)
            except CheckpointError:
                assert snapshot(tmp_path) == before
            else:
                break
    assert 1 <= fails_at == calls


def test_an_exception_from_the_tensors_leaves_nothing_behind(tmp_path: Path):
    def broken():
        yield from small_tensors(3)
        raise KeyboardInterrupt

    for folder in (tmp_path / "new" / "model", tmp_path / "old"):
        if folder.name == "old":
            write_safetensors(folder, small_tensors(2))
        before = sorted(tmp_path.rglob("*")), snapshot(folder) if folder.exists() else None
        with pytest.raises(KeyboardInterrupt):
            write_safetensors(folder, broken(), max_shard_size=48)
        after = sorted(tmp_path.rglob("*")), snapshot(folder) if folder.exists() else None
        assert before == after


def test_files_have_the_permissions_of_other_new_files(tmp_path: Path):
    (tmp_path / "other").touch()
    write_safetensors(tmp_path, small_tensors(1))
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ([], "no tensors"),
        ([("a", np.ones(1)), ("a", np.ones(1))], "'a' can't be saved: the name is taken"),
        ([("__metadata__", np.ones(1))], "the name is taken"),
        ([("a", np.array(["text"]))], "'a' of dtype <U4 can't be saved"),
        ([("a", np.array([None]))], "'a' of dtype object"),
    ],
)
def test_what_cannot_be_saved_is_an_error_and_writes_nothing(tmp_path: Path, tensors, reason):
    with pytest.raises(CheckpointError, match=reason):
        write_safetensors(tmp_path / "model", tensors)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(CheckpointError, match="can't be written to"):
        write_safetensors(tmp_path, small_tensors(1))


def test_a_file_in_the_folder_s_place_is_an_error(tmp_path: Path):
    (tmp_path / "model").touch()
    with pytest.raises(CheckpointError, match="can't be written to"):
        write_safetensors(tmp_path / "model", small_tensors(1))


# Broken files.

SAME = json.dumps(entry(0, 4, [1])).encode()
BROKEN = {
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "three bytes": (lambda path: path.write_bytes(b"abc"), "not a complete safetensors file"),
    "garbage": (lambda path: path.write_bytes(b"\x10" + bytes(7) + b"garbage!" * 2), "not a comp"),
    "lfs": (lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "lfs"),
    "header over the end": (lambda path: raw_file(path, {}, length=50), "not a complete"),
    "endless header": (lambda path: raw_file(path, {}, length=2**63), "not a complete"),
    "truncated": (lambda path: raw_file(path, {"a": entry(0, 8, [2])}, b"1234"), "not a complete"),
    "longer": (lambda path: raw_file(path, {"a": entry(0, 8, [2])}, b"1" * 9), "not a complete"),
    "shape": (lambda path: raw_file(path, {"a": entry(0, 8, [3])}, b"1" * 8), "not a complete"),
    "overflow": (
        lambda path: raw_file(path, {"a": entry(0, 8, [2**62, 2**62])}, b"1" * 8),
        "not a complete",
    ),
    "twice": (
        lambda path: raw_file(path, b'{"a":%b,"a":%b}' % (SAME, SAME), b"1234"),
        "lists the tensor 'a' twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("write", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_one_error_with_its_name(tmp_path: Path, write, reason: str):
    path = tmp_path / "model.safetensors"
    write(path)
    with pytest.raises(CheckpointError, match=reason) as raised:
        SafetensorsFolder(tmp_path)
    assert str(path) in str(raised.value)


def test_a_file_cut_anywhere_is_an_error(tmp_path: Path):
    write_safetensors(tmp_path, small_tensors(2))
    path = tmp_path / "model.safetensors"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            SafetensorsFolder(tmp_path)


def test_corrupt_bytes_give_an_error_or_values_but_nothing_else(tmp_path: Path):
    write_safetensors(tmp_path, small_tensors(2))
    path = tmp_path / "model.safetensors"
    whole = path.read_bytes()
    rng = random.Random(0)
    errors = 0
    for _ in range(1000):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 1, 4])):
            content[rng.randrange(len(whole) - 96)] = rng.choice([0, 0x22, 0x30, 0xFF])
        path.write_bytes(content)
        try:
            source = SafetensorsFolder(tmp_path)
            assert sum(source.read(name).nbytes for name in source.names()) == 96
        except CheckpointError:
            errors += 1
    assert 500 < errors < 1000


def test_a_dtype_that_numpy_lacks_is_an_error_only_when_it_is_read(tmp_path: Path):
    header = {"packed": entry(0, 1, [2], "F4"), "plain": entry(1, 2, [1], "U8")}
    raw_file(tmp_path / "model.safetensors", header, b"12")
    source = SafetensorsFolder(tmp_path)
    assert source.read("plain")[0] == ord("2")
    with pytest.raises(CheckpointError, match="dtype F4"):
        source.read("packed")


def test_an_absurd_empty_shape_is_an_error(tmp_path: Path):
    raw_file(tmp_path / "model.safetensors", {"a": entry(0, 0, [0, 2**62, 2**62])})
    with pytest.raises(CheckpointError):
        SafetensorsFolder(tmp_path).read("a")


def test_an_unknown_name_is_an_error_with_the_closest(tmp_path: Path):
    write_safetensors(tmp_path, small_tensors())
    source = SafetensorsFolder(tmp_path)
    for ask in (source.shape, source.read):
        with pytest.raises(CheckpointError, match=r"'layer.1.weigth'.* did you mean layer.1.weigh"):
            ask("layer.1.weigth")


# Broken folders.


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    write_safetensors(tmp_path, small_tensors(4), max_shard_size=96)
    return tmp_path


def rewrite_index(folder: Path, **changes: object) -> None:
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"].update(changes)
    index["weight_map"] = {k: v for k, v in index["weight_map"].items() if v is not None}
    (folder / INDEX).write_text(json.dumps(index))


def test_a_missing_shard_is_an_error(sharded: Path):
    (sharded / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"'model-00002-of-00002.safetensors', which is miss"):
        SafetensorsFolder(sharded)


@pytest.mark.parametrize("shard", ["../x.safetensors", "a/../../x", "/etc/passwd", "..\\x"])
def test_a_shard_outside_the_folder_is_an_error(sharded: Path, shard: str):
    rewrite_index(sharded, **{"layer.0.weight": shard})
    with pytest.raises(CheckpointError, match="outside its folder"):
        SafetensorsFolder(sharded)


def test_a_tensor_in_two_shards_is_an_error(sharded: Path):
    first, second = sorted(sharded.glob("*.safetensors"))
    save_file(load_file(first) | load_file(second), second)
    with pytest.raises(CheckpointError, match=r"'layer.[01].weight' is in both"):
        SafetensorsFolder(sharded)


def test_a_tensor_that_the_index_leaves_out_or_invents_is_an_error(sharded: Path):
    whole = (sharded / INDEX).read_bytes()
    rewrite_index(sharded, **{"layer.0.weight": None})
    with pytest.raises(CheckpointError, match=r"doesn't list 'layer.0.weight'"):
        SafetensorsFolder(sharded)
    (sharded / INDEX).write_bytes(whole)
    rewrite_index(sharded, invented="model-00001-of-00002.safetensors")
    with pytest.raises(CheckpointError, match="lacks 'invented'"):
        SafetensorsFolder(sharded)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}', "[" * 10**5, "\xff"],
    ids=range(8),
)
def test_a_broken_index_is_an_error(sharded: Path, text: str):
    (sharded / INDEX).write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError, match="is not an index"):
        SafetensorsFolder(sharded)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("pytorch_model.bin", r"pytorch_model.bin: pickle files can run code and are never loaded"),
        ("tf_model.h5", r"but tf_model.h5; .* converted"),
        ("model-00001-of-00002.safetensors", "an interrupted download lacks the index"),
        ("notes.txt", r"it holds notes.txt"),
        (None, "it holds nothing"),
    ],
)
def test_a_folder_without_safetensors_says_what_is_there(tmp_path: Path, file, reason: str):
    if file:
        (tmp_path / file).write_bytes(b"x")
    with pytest.raises(CheckpointError, match=reason):
        SafetensorsFolder(tmp_path)


def test_no_folder_is_an_error(tmp_path: Path):
    with pytest.raises(CheckpointError, match="is not a folder"):
        SafetensorsFolder(tmp_path / "none")


def test_bfloat16_survives_bit_by_bit(tmp_path: Path):
    bits = np.arange(2**16, dtype=np.uint16)
    write_safetensors(tmp_path, [("x", bits.view(ml_dtypes.bfloat16))])
    np.testing.assert_array_equal(SafetensorsFolder(tmp_path).read("x").view(np.uint16), bits)
