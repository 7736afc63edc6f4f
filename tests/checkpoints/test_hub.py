"""The hub, played by a server on this machine; each user of it is a process of its own."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from hornbook.checkpoints import hub
from hornbook.errors import PresetError

pytestmark = pytest.mark.backend_free
WANTED = {
    "config.json": b"{}",
    "generation_config.json": b"{}",
    "model-00001-of-00002.safetensors": b"first",
    "model-00002-of-00002.safetensors": b"second",
    "model.safetensors.index.json": b"{}",
    "tokenizer.json": b"{}",
    "tokenizer.model": b"pieces",
    "merges.txt": b"a b",
    "chat_template.jinja": b"{{ messages }}",
    "modules.json": b"[]",
    "1_Pooling/config.json": b"{}",
}
UNWANTED = {
    "modeling_toy.py": b"raise SystemExit",
    "pytorch_model.bin": b"\x80\x04.",
    "tf_model.h5": b"x",
    "onnx/model.onnx": b"x",
    "original/consolidated.00.safetensors": b"x",
    "README.md": b"x",
    "quantized/toy.Q4_0.gguf": b"GGUF",
}
PICKLED = {"config.json": b"{}", "pytorch_model.bin": b"\x80\x04."}
CONVERTED = PICKLED | {"model.safetensors": b"converted"}
REPOSITORIES = {
    "someone/toy": WANTED | UNWANTED,
    "someone/pickled": PICKLED,
    "someone/unconverted": PICKLED,
    "someone/quantized": {"toy.gguf": b"GGUF"},
}
OFFERS = [
    ("stranger", "Adding `safetensors` variant of this model", 3),
    ("SFconvertbot", "Adding another variant", 2),
    ("SFconvertbot", "Adding `safetensors` variant of this model", 1),
]
COMMITS = {"main": "a" * 40, "v1.0": "b" * 40, "refs/pr/1": "c" * 40}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's interface as downloading a model needs."""

    requested: list[str]

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.requested.append(path)
        owner, name, verb, rest = (path.removeprefix("api/models/").split("/", 3) + [""] * 4)[:4]
        files = REPOSITORIES.get(f"{owner}/{name}")
        commit = COMMITS.get(rest, rest if rest in COMMITS.values() else None)
        if name == "pickled" and COMMITS["refs/pr/1"] in (commit, rest.split("/")[0]):
            files = CONVERTED
        if files is None:
            self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif verb == "discussions":
            author = parse_qs(urlsplit(self.path).query)["author"][0]
            self.answer_json(discussions(f"{owner}/{name}", author))
        elif verb == "resolve":
            commit, file = rest.split("/", 1)
            self.answer(200, files[file], {"X-Repo-Commit": commit})
        elif commit is None:
            self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        elif verb == "revision":
            self.answer_json({"id": f"{owner}/{name}", "sha": commit, "siblings": []})
        else:
            self.answer_json(
                [
                    {"type": "file", "path": file, "size": len(content), "oid": digest(content)}
                    for file, content in files.items()
                ]
            )

    def do_HEAD(self) -> None:
        self.do_GET()

    def answer_json(self, content: object) -> None:
        self.answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"ETag": f'"{digest(content)}"', **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def discussions(repository: str, author: str) -> dict[str, object]:
    offers = [offer for offer in OFFERS if repository == "someone/pickled" and offer[0] == author]
    found = [
        {
            "author": {"name": name}, "title": title, "num": number, "status": "open",
            "isPullRequest": True, "createdAt": "2023-05-01T00:00:00.000Z",
            "repo": {"name": repository, "type": "model"},
        }
        for name, title, number in offers
    ]  # fmt: skip
    return {"discussions": found, "count": len(found), "start": 0}


def digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Hub.requested = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


RESOLVE = """
import json, sys
from hornbook.checkpoints import resolve
from hornbook.errors import PresetError
for handle in sys.argv[1:]:
    try:
        print(json.dumps(str(resolve(handle, {}))))
    except PresetError as error:
        print(json.dumps(f"error: {error}"))
"""


def resolve(home: Path, port: int, *handles: str, offline: bool = False) -> list[str]:
    environment = os.environ | {
        "HF_ENDPOINT": f"http://127.0.0.1:{port}",
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "1" if offline else "0",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
    }
    process = subprocess.run(
        [sys.executable, "-c", RESOLVE, *handles],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return [json.loads(line) for line in process.stdout.splitlines()]


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
