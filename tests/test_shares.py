"""Each test is in some backend's share, and each of the conformance suite says what it is about."""

import re
from pathlib import Path

import shares

MAKEFILE = (Path(__file__).parents[1] / "Makefile").read_text()


def test_no_test_is_left_out(pytestconfig):
    collected = pytestconfig.stash[shares.COLLECTED]
    assert [item.nodeid for item in collected if not shares.backends_of(item)] == []


def test_make_test_runs_the_shares_of_all_backends():
    named = re.search(r"^BACKENDS +\?= (.*)$", MAKEFILE, re.MULTILINE)[1].split()
    assert sorted(named) == sorted(shares.BACKENDS)
    assert "--share" in re.search(r"^test:.*?^$", MAKEFILE, re.MULTILINE | re.DOTALL)[0]


def test_a_test_of_the_conformance_suite_says_what_it_is_about(pytestconfig):
    silent = {
        item.nodeid.partition("[")[0]
        for item in pytestconfig.stash[shares.COLLECTED]
        if shares.family_of(item)
        and not shares.kind(item)
        and not item.get_closest_marker("backend_free")
    }
    assert silent == set(), f"mark them as one of {shares.KINDS}: see tests/shares.py"


def test_each_family_has_its_part_on_each_backend(pytestconfig):
    collected = pytestconfig.stash[shares.COLLECTED]
    for word in ("parity", "behaviour"):
        found = {
            (shares.family_of(item), backend)
            for item in collected
            if shares.kind(item) == word
            for backend in shares.backends_of(item)
        }
        families = {family for family, _ in found}
        assert found == {(family, backend) for family in families for backend in shares.BACKENDS}
