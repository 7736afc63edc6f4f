"""docs/revisions.py asks the hub's stand-in for commits, in a process of its own."""

import json
import re
import runpy
import socket
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from checkpoints.hub_server import COMMITS, run
from hornbook.checkpoints import hub
from hornbook.checkpoints.source import Preset
from hornbook.families.registry import presets

pytestmark = pytest.mark.backend_free

SCRIPT = Path(__file__).parents[2] / "docs" / "revisions.py"
REFRESH = """
import json, runpy, sys
from pathlib import Path
script, file, only_new, *names = sys.argv[1:]
kept = runpy.run_path(script)["refresh"](Path(file), names, only_new=only_new == "True")
print(json.dumps(kept))
"""
WANTED = "someone/toy", "someone/gated", "someone/pickled", "nobody/toy"
OLD = {
    "someone/toy": "d" * 40,
    "someone/gated": "e" * 40,
    "someone/forgotten": "f" * 40,
}


def refresh(home: Path, port: int, only_new: bool = False) -> tuple[dict[str, str], list[str], str]:
    """The pins that replace `OLD`, what was kept, and what else was printed."""
    file = home / "pins" / "revisions.json"
    file.parent.mkdir()
    file.write_text(json.dumps(OLD))
    printed = run(REFRESH, SCRIPT, file, only_new, *WANTED, home=home, port=port)
    assert {path.name for path in file.parent.iterdir()} == {"revisions.json", "unpinned.json"}
    pins = json.loads(file.read_text())
    assert list(pins) == sorted(pins)
    unpinned = json.loads(file.with_name("unpinned.json").read_text())
    assert unpinned == sorted(set(WANTED) - set(pins))
    progress, _, kept = printed.rstrip().rpartition("\n")
    return pins, json.loads(kept), progress


def test_pins_are_the_main_branchs_commits_and_what_does_not_answer_keeps_its_own(
    tmp_path: Path, server: ThreadingHTTPServer
):
    pins, kept, progress = refresh(tmp_path, server.server_port)
    assert pins == {
        "someone/toy": COMMITS["main"],
        "someone/pickled": COMMITS["main"],
        "someone/gated": "e" * 40,
    }
    assert [line.split(":")[0] for line in kept] == ["nobody/toy", "someone/gated"]
    assert "Repository Not Found" in kept[0]
    lines = progress.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["1/4", "2/4", "3/4", "4/4"]
    assert lines[3] == f"4/4 someone/toy: {COMMITS['main']}"


def test_new_repositories_alone_may_be_asked_for(tmp_path: Path, server: ThreadingHTTPServer):
    pins, _, progress = refresh(tmp_path, server.server_port, only_new=True)
    assert pins["someone/toy"] == OLD["someone/toy"]
    assert pins["someone/pickled"] == COMMITS["main"]
    assert len(progress.splitlines()) == 2


def test_without_a_network_the_pins_stay(tmp_path: Path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, but not listening: connections are refused
        pins, kept, _ = refresh(tmp_path, unused.getsockname()[1])
    assert pins == {name: OLD[name] for name in ("someone/gated", "someone/toy")}
    assert len(kept) == len(WANTED)


def test_repositories_are_those_of_presets_without_a_revision_of_their_own():
    known = (
        Preset("folder", "hf://a/folder"),
        Preset("file", "hf://a/file/model.gguf"),
        Preset("own", "hf://a/own", revision="v1.0"),
        Preset("tagged", "hf://a/tagged@v1.0"),
        Preset("package", "package://a/model.zip"),
    )
    repositories = runpy.run_path(str(SCRIPT))["repositories"]
    assert repositories({preset.name: preset for preset in known}) == {"a/folder", "a/file"}


def test_the_files_are_written_as_the_script_writes_it(tmp_path: Path):
    for file in (hub.PINS, hub.PINS.with_name("unpinned.json")):
        copy = tmp_path / file.name
        runpy.run_path(str(SCRIPT))["write"](copy, json.loads(file.read_text("utf-8")))
        assert copy.read_text("utf-8") == file.read_text("utf-8")


def test_every_preset_of_the_hub_is_pinned_or_listed_as_unpinned():
    wanted = runpy.run_path(str(SCRIPT))["repositories"](presets())
    unpinned = json.loads(hub.PINS.with_name("unpinned.json").read_text("utf-8"))
    assert sorted([*hub.pins(), *unpinned]) == sorted(wanted)
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for commit in hub.pins().values())
