"""Contenders as processes, and those that can't be."""

import sys
from pathlib import Path

import pytest

from hornbook.bench import process
from hornbook.bench.process import Job, take_turns
from hornbook.bench.roster import NEEDS, Contender, Interpreters, present
from hornbook.bench.suite import BENCHMARKS
from hornbook.errors import BenchmarkError

HERE = Path(sys.executable)
MODULE = """
import os
def prepare(config):
    rounds = []
    print("{} this is no answer")
    def run():
        rounds.append(1)
        if len(rounds) > config["dies_after"]:
            raise RuntimeError("out of paper")
        return {"seconds": float(len(rounds)), "process": os.getpid()}
    return run
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A folder of contenders that is a copy, with one that a test wrote."""
    folder = tmp_path / "contenders"
    folder.mkdir()
    for name in ("__init__.py", "__main__.py", "measure.py"):
        (folder / name).write_text((process.PROGRAM.parent / name).read_text())
    (folder / "clock.py").write_text(MODULE)
    monkeypatch.setattr(process, "PROGRAM", folder / "__main__.py")


def job(name, dies_after=9):
    return Job(name, "clock", {"dies_after": dies_after}, HERE)


@pytest.mark.usefixtures("program")
def test_contenders_take_turns():
    told = []
    first, second = take_turns([job("a"), job("b")], 2, told.append)
    assert told == [f"{name}, round {number} of 2" for number in (1, 2) for name in "ab"]
    # The first call isn't a round.
    assert [done["seconds"] for done in first.rounds] == [2, 3]
    assert first.start["first_call"] >= 0
    assert first.rounds[0]["process"] == first.rounds[1]["process"]
    assert first.rounds[0]["memory"] > 1e6
    assert second.failure == ""


@pytest.mark.usefixtures("program")
def test_each_round_can_be_a_process():
    (measured,) = take_turns([job("a")], 2, lambda text: None, fresh=True)
    assert len({done["process"] for done in measured.rounds}) == 2


@pytest.mark.usefixtures("program")
def test_a_second_process_can_be_started_before_the_rounds():
    (measured,) = take_turns([job("a")], 2, lambda text: None, restart=True)
    assert measured.start != measured.restart
    assert {"start", "first_call"} == set(measured.restart)
    assert len({done["process"] for done in measured.rounds}) == 1


@pytest.mark.usefixtures("program")
def test_one_that_stops_is_left_out_and_says_why():
    broken, whole = take_turns([job("a", 2), job("b")], 3, lambda text: None)
    assert broken.failure == "a stopped: RuntimeError: out of paper"
    assert (len(broken.rounds), len(whole.rounds)) == (1, 3)


@pytest.mark.usefixtures("program")
def test_a_process_that_is_asked_once_and_stops_is_an_error():
    with pytest.raises(BenchmarkError, match="out of paper"):
        process.ask(job("a", 0))


@pytest.mark.parametrize(
    ("name", "library", "needs"),
    [
        ("hornbook/torch", "hornbook", ("torch",)),
        ("hornbook layers/jax", "hornbook layers", ("jax",)),
        ("transformers compiled", "transformers compiled", ("transformers", "torch")),
        ("kerashub tf.data", "kerashub tf.data", ("keras_hub", "safetensors", "tensorflow")),
        ("plain torch compiled", "plain torch compiled", ("torch",)),
    ],
)
def test_a_name_says_what_runs_and_what_it_needs(name, library, needs):
    contender = Contender(name)
    assert (contender.library, contender.needs) == (library, needs)


def test_all_contenders_have_their_needs_and_a_remedy():
    for benchmark in BENCHMARKS.values():
        for name in benchmark.contenders:
            assert any(Contender(name).library.startswith(library) for library in NEEDS)
            assert "pip install" in Contender(name).remedy("x") or "make" in Contender(name).remedy(
                "x"
            )


def test_peers_that_are_missing_are_left_out_with_how_to_install_them(tmp_path):
    interpreters = Interpreters(kerashub=tmp_path / "no-python", from_gguf=HERE)
    names = ["hornbook/jax", "kerashub/jax", "llama.cpp"]
    found, left_out = present(names, interpreters)
    assert [contender.name for contender in found] == ["hornbook/jax"]
    assert "--kerashub-python" in left_out["kerashub/jax"]
    assert "pip install llama-cpp-python" in left_out["llama.cpp"]
