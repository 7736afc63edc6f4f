"""The hub, played by a server on this machine, and processes that use it."""

import hashlib
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

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
    "someone/gated": WANTED,
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
        elif name == "gated":
            self.answer(403, b"", {"X-Error-Code": "GatedRepo"})
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


def run(program: str, *arguments: object, home: Path, port: int, offline: bool = False) -> str:
    """What a program prints in a process whose hub is on a port; it has no other network."""
    environment = os.environ | {
        "HF_ENDPOINT": f"http://127.0.0.1:{port}",
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "1" if offline else "0",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
    }
    process = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout
