"""`hornbook list` shows what is registered, whatever that is."""

import pytest

from hornbook.checkpoints import hub
from hornbook.families.registry import families, presets


def test_it_lists_every_family_and_preset(hornbook):
    found = hornbook("list", "--json").json()
    assert [family["name"] for family in found["families"]] == list(families())
    assert {preset["name"] for preset in found["presets"]} == set(presets())
    for entry in found["presets"]:
        preset = presets()[entry["name"]]
        assert entry["source"] == preset.handle
        assert entry["licence"] == preset.licence
        assert preset in families()[entry["family"]].presets


def test_the_tables_hold_the_same_in_whole_lines(hornbook):
    outcome = hornbook("list")
    assert (outcome.status, outcome.err) == (0, "")
    for name, preset in presets().items():
        (line,) = [line for line in outcome.out.splitlines() if line.startswith(f"{name} ")]
        assert preset.handle in line


def test_a_preset_has_the_revision_that_its_name_stands_for(
    hornbook, monkeypatch: pytest.MonkeyPatch
):
    pinned, unpinned, *_ = (
        preset for preset in presets().values() if preset.handle.startswith("hf://")
    )
    commit = "0123456789" * 4
    monkeypatch.setattr(hub, "pins", lambda: {pinned.handle.removeprefix("hf://"): commit})
    entries = {entry["name"]: entry for entry in hornbook("list", "--json").json()["presets"]}
    assert entries[pinned.name]["revision"] == commit
    assert entries[unpinned.name]["revision"] == "main"
    for name, preset in presets().items():
        if not preset.handle.startswith("hf://"):
            assert entries[name]["revision"] is None
    lines = {line.split(" ")[0]: line.rstrip() for line in hornbook("list").out.splitlines()}
    assert lines[pinned.name].endswith(" 0123456")
    assert lines[unpinned.name].endswith(" main")
