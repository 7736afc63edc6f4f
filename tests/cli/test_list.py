"""`hornbook list` shows what is registered, whatever that is."""

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
