"""The project's files agree with each other."""

import re
import tomllib
from pathlib import Path

import hornbook

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_version_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", hornbook.__version__)


def test_every_target_is_phony_and_listed_by_help():
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    described = set(re.findall(r"^([a-z]+):.*?## ", MAKEFILE, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split())
    assert targets == described == phony


def test_an_extra_that_is_named_exists():
    extras = PROJECT["optional-dependencies"]
    named = re.findall(r"hornbook\[([\w,]+)\]", str(extras)) + re.findall(
        r"'\.\[([\w,]+)\]'", MAKEFILE
    )
    assert {name for group in named for name in group.split(",")} <= set(extras)


def test_the_demo_needs_no_backend_but_jax():
    assert not any(
        re.match(r"torch|tensorflow|transformers", requirement)
        for requirement in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["demo"]
    )


def test_the_tools_of_check_have_one_exact_version():
    tools = [r for r in PROJECT["optional-dependencies"]["dev"] if re.match(r"ruff|mypy", r)]
    assert len(tools) == 2
    assert all(re.fullmatch(r"\w+==[\d.]+", tool) for tool in tools)
