"""Checkpoints from the hub's stand-in; each user of it is a process of its own."""

import json
import socket
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from checkpoints.hub_server import COMMITS, WANTED, Hub, run
from hornbook.checkpoints import hub
from hornbook.errors import PresetError

pytestmark = pytest.mark.backend_free
RESOLVE = """
import json, sys
from pathlib import Path
from hornbook.checkpoints import Preset, hub, resolve
from hornbook.errors import PresetError
hub.PINS, handles = Path(sys.argv[1]), sys.argv[2:]
presets = Preset("toy", "hf://someone/toy"), Preset("pickled", "hf://someone/pickled")
own = Preset("own", "hf://someone/toy", revision="refs/pr/1")
known = {preset.name: preset for preset in (*presets, own)}
for handle in handles:
    try:
        print(json.dumps(str(resolve(handle, known))))
    except PresetError as error:
        print(json.dumps(f"error: {error}"))
"""
PINNED = {"someone/toy": COMMITS["v1.0"], "someone/pickled": COMMITS["v1.0"]}


def resolve(home: Path, port: int, *handles: str, offline: bool = False) -> list[str]:
    """Where handles lead in a process of its own, in which `PINNED` are the pins of presets."""
    pins = home / "pins.json"
    pins.write_text(json.dumps(PINNED))
    printed = run(RESOLVE, pins, *handles, home=home, port=port, offline=offline)
    return [json.loads(line) for line in printed.splitlines()]


def test_a_repository_is_downloaded_once_without_code_or_pickles(
    tmp_path: Path, server: ThreadingHTTPServer
):
    (folder,) = resolve(tmp_path, server.server_port, "hf://someone/toy")
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file()
    }
    assert files == WANTED
    fetched = {path.split("/", 4)[4] for path in Hub.requested if "/resolve/" in path}
    assert fetched == set(WANTED)
    Hub.requested.clear()
    assert resolve(tmp_path, server.server_port, "hf://someone/toy", offline=True) == [folder]
    assert Hub.requested == []


def test_pickles_are_passed_over_for_what_the_hubs_converter_offers(
    tmp_path: Path, server: ThreadingHTTPServer
):
    port = server.server_port
    handles = ("hf://someone/pickled", "hf://someone/unconverted", "hf://someone/pickled@v1.0")
    converted, bare, asked = resolve(tmp_path, port, *handles)
    assert (Path(converted) / "model.safetensors").read_bytes() == b"converted"
    assert not [*Path(bare).glob("model.*"), *Path(asked).glob("model.*")]
    assert resolve(tmp_path, port, handles[0], offline=True) == [converted]


def test_a_preset_is_pinned_and_what_a_user_writes_is_not(
    tmp_path: Path, server: ThreadingHTTPServer
):
    handles = ("toy", "own", "hf://someone/toy", "hf://someone/toy@refs/pr/1")
    folders = resolve(tmp_path, server.server_port, *handles)
    commits = [Path(folder).name for folder in folders]
    assert commits == [COMMITS[name] for name in ("v1.0", "refs/pr/1", "main", "refs/pr/1")]
    assert resolve(tmp_path, server.server_port, "toy", offline=True) == folders[:1]


def test_a_pinned_commit_of_pickles_is_passed_over_like_main(
    tmp_path: Path, server: ThreadingHTTPServer
):
    port = server.server_port
    (converted,) = resolve(tmp_path, port, "pickled")
    assert (Path(converted) / "model.safetensors").read_bytes() == b"converted"
    assert f"api/models/someone/pickled/tree/{COMMITS['v1.0']}" in Hub.requested
    assert resolve(tmp_path, port, "pickled", offline=True) == [converted]
    (asked,) = resolve(tmp_path, port, f"hf://someone/pickled@{COMMITS['v1.0']}")
    assert not [*Path(asked).glob("model.*")]


def test_a_pin_that_cannot_be_fetched_names_the_way_around_it(
    tmp_path: Path, server: ThreadingHTTPServer
):
    resolve(tmp_path, server.server_port, "hf://someone/toy")
    pinned, asked = resolve(
        tmp_path, server.server_port, "toy", "hf://someone/toy@v9", offline=True
    )
    assert f"'someone/toy' at revision '{COMMITS['v1.0']}' can't be fetched" in pinned
    assert pinned.endswith("'hf://someone/toy' asks for its main branch.")
    assert "main branch" not in asked


def test_revisions_and_single_gguf_files(tmp_path: Path, server: ThreadingHTTPServer):
    tagged, file, nested = resolve(
        tmp_path,
        server.server_port,
        "hf://someone/toy@v1.0",
        "hf://someone/quantized/toy.gguf",
        "hf://someone/toy/quantized/toy.Q4_0.gguf@refs/pr/1",
    )
    assert Path(tagged).name == COMMITS["v1.0"]
    assert Path(file).read_bytes() == Path(nested).read_bytes() == b"GGUF"
    assert Path(file).name == "toy.gguf"
    assert COMMITS["refs/pr/1"] in nested


def test_what_cannot_be_fetched_says_what_and_what_to_do(
    tmp_path: Path, server: ThreadingHTTPServer
):
    repository, revision, no_model, no_file = resolve(
        tmp_path,
        server.server_port,
        "hf://nobody/toy",
        "hf://someone/toy@v9",
        "hf://someone/quantized",
        "hf://someone/toy/other.gguf",
    )
    assert "error: The repository 'nobody/toy' at revision 'main' can't be fetched" in repository
    assert "Repository Not Found" in repository
    assert "error: The repository 'someone/toy' at revision 'v9' can't be fetched" in revision
    assert "Revision Not Found" in revision
    assert "has no config.json" in no_model
    assert "hf://someone/quantized/file.gguf" in no_model
    assert "has no other.gguf" in no_file


@pytest.mark.parametrize("offline", [False, True], ids=["unreachable", "told to stay offline"])
def test_without_a_network_the_local_ways_are_named(tmp_path: Path, offline: bool):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, but not listening: connections are refused
        port = unused.getsockname()[1]
        (error,) = resolve(tmp_path, port, "hf://someone/toy@v1.0", offline=offline)
    assert "'someone/toy' at revision 'v1.0' can't be fetched" in error
    assert f"http://127.0.0.1:{port}" in error
    assert "pass the path of its folder" in error
    assert f"HF_HOME says where they are (now under {tmp_path})" in error
    assert "HF_HUB_OFFLINE=1" in error
    assert "HF_ENDPOINT" in error


def test_the_address_s_own_revision_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "config.json").touch()
    asked = []
    monkeypatch.setattr(
        hub, "_download", lambda _, revision, __: asked.append(revision) or tmp_path
    )
    for address, revision in (("a/b@own", "other"), ("a/b", "other"), ("a/b", None)):
        assert hub.fetch(address, revision) == tmp_path
    assert asked == ["own", "other", "main"]


MALFORMED = "toy", "", "a/b/c", "a/b/model.bin", "a/b@", "a/b@../x", "../b", "a b/c", "a/../b.gguf"


@pytest.mark.parametrize("address", MALFORMED)
def test_a_malformed_address_is_an_error(address: str):
    with pytest.raises(PresetError, match=r"expected hf://owner/name\[@revision\]"):
        hub.fetch(address)
