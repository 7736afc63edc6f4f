"""Zipped model folders: unpacked once, whole, and never outside the cache."""

import os
import stat
import zipfile
from pathlib import Path

import pytest

from hornbook.checkpoints.archive import unpacked
from hornbook.errors import PresetError
from hornbook.user_cache import cache_folder

pytestmark = pytest.mark.backend_free
MODEL = {"config.json": b"{}", "model.safetensors": b"weights", "1_Pooling/config.json": b"{}"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HORNBOOK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def zipped(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def nothing_left(cache: Path) -> bool:
    return everything(cache) == {}


@pytest.mark.parametrize("top", ["", "toy-model/"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_model_at_the_root_or_in_one_top_folder(
    tmp_path: Path, cache: Path, top: str, compression: int
):
    files = {top + name: content for name, content in MODEL.items()} | {"__MACOSX/x": b""}
    folder = unpacked(zipped(tmp_path / "toy.zip", files, compression))
    assert everything(folder).items() >= MODEL.items()
    assert folder.is_relative_to(cache)


def test_it_is_unpacked_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    path = zipped(tmp_path / "toy.zip", MODEL)
    first = unpacked(path)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert unpacked(path) == first
    assert everything(first) == MODEL


def test_another_size_or_time_is_another_file(tmp_path: Path, cache: Path):
    path = tmp_path / "toy.zip"
    folders = set()
    for time, config in ((1, b"{}"), (2, b"[]"), (2, b'{"new": 1}')):
        zipped(path, MODEL | {"config.json": config}, zipfile.ZIP_STORED)
        os.utime(path, ns=(time, time))
        folders.add(unpacked(path))
        assert (unpacked(path) / "config.json").read_bytes() == config
    assert len(folders) == 3


def test_two_processes_at_once_end_with_one_copy(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    path = zipped(tmp_path / "toy.zip", MODEL)
    rename = Path.rename

    def rename_second(source: Path, target: Path) -> Path:
        monkeypatch.undo()
        monkeypatch.setenv("HORNBOOK_CACHE", str(cache))
        unpacked(path)  # the other process, which was faster
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", rename_second)
    folder = unpacked(path)
    assert everything(folder) == MODEL
    assert list((cache / "unpacked").iterdir()) == [folder]


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/tmp/x", "a\\..\\..\\x"])
def test_a_path_that_leads_out_is_an_error(tmp_path: Path, cache: Path, name: str):
    path = zipped(tmp_path / "toy.zip", MODEL | {name: b"x"})
    with pytest.raises(PresetError, match="leads out of its folder"):
        unpacked(path)
    assert nothing_left(cache)
    assert not (tmp_path / "x").exists()


def test_a_link_is_an_error(tmp_path: Path, cache: Path):
    path = zipped(tmp_path / "toy.zip", MODEL)
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(PresetError, match="'link', a link"):
        unpacked(path)
    assert nothing_left(cache)


def test_more_than_allowed_is_an_error_before_anything_is_written(tmp_path: Path, cache: Path):
    path = zipped(tmp_path / "toy.zip", {"config.json": b"{}", "zeros": bytes(10**6)})
    assert path.stat().st_size < 10**4
    with pytest.raises(PresetError, match="2 files of 1000002 bytes"):
        unpacked(path, max_bytes=10**6)
    assert nothing_left(cache)
    assert unpacked(path, max_bytes=10**6 + 2).is_dir()


@pytest.mark.parametrize("declared", [10, 10**5], ids=["too small", "too large"])
def test_a_declared_size_that_is_a_lie_is_an_error(tmp_path: Path, cache: Path, declared: int):
    path = zipped(tmp_path / "toy.zip", MODEL | {"zeros": bytes(10**4)})
    content = path.read_bytes()
    true, false = (size.to_bytes(4, "little") for size in (10**4, declared))
    assert content.count(true) == 2  # in the file's own header and in the list at the end
    path.write_bytes(content.replace(true, false))
    with pytest.raises(PresetError, match=r"toy\.zip"):
        unpacked(path)
    assert nothing_left(cache)


def test_the_same_name_twice_is_an_error(tmp_path: Path, cache: Path):
    path = zipped(tmp_path / "toy.zip", MODEL)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", b"[]")
    with pytest.raises(PresetError, match="File exists"):
        unpacked(path)
    assert nothing_left(cache)


def test_a_broken_zip_file_is_an_error(tmp_path: Path, cache: Path):
    path = zipped(tmp_path / "toy.zip", MODEL)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(PresetError, match="not a readable zip"):
            unpacked(path)
    for position in range(0, len(whole), 3):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        try:
            unpacked(path)
        except PresetError:
            continue


@pytest.mark.parametrize(
    "files", [{}, {"readme.txt": b""}, {"a/config.json": b"{}", "b/config.json": b"{}"}]
)
def test_a_zip_file_without_one_model_is_an_error(tmp_path: Path, cache: Path, files: dict):
    with pytest.raises(PresetError, match=r"holds no model: expected a config\.json"):
        unpacked(zipped(tmp_path / "toy.zip", files))


def test_a_cache_that_cannot_be_written_names_the_variable(tmp_path: Path, cache: Path):
    cache.touch()
    with pytest.raises(PresetError, match="HORNBOOK_CACHE names another folder"):
        unpacked(zipped(tmp_path / "toy.zip", MODEL))


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("HORNBOOK_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path("/home/someone/.cache/hornbook")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/xdg/hornbook")
    monkeypatch.setenv("HORNBOOK_CACHE", "~/own")
    assert cache_folder() == Path("/home/someone/own")
