"""Every benchmark in its short form: that it works. Nothing here asserts a time."""

import sys
from pathlib import Path

import numpy as np
import pytest

from hornbook.bench.contenders import limits, plain_jax_decoder, plain_torch_decoder
from hornbook.bench.models import SHAPES, shape_names
from hornbook.bench.page import make_page
from hornbook.bench.results import read_report
from hornbook.bench.suite import BENCHMARKS
from hornbook.bench.tokenize import LEARNERS
from hornbook.checkpoints.opened import open_checkpoint
from hornbook.errors import BenchmarkError

ROOT = Path(__file__).parents[2]
FEW = {  # each the quickest to start
    "decode": ["hornbook/jax", "plain jax"],
    "prefill": ["plain torch"],
    "train": ["hornbook/jax", "plain torch"],
    "encode": ["hornbook/jax", "transformers"],
    "fine-tune": ["hornbook/torch", "transformers"],
    "load": ["hornbook/jax"],
    "tokenize": ["bare library", "hornbook lists"],
}
OPTIONS = {"decode": ["--dtype", "bfloat16"], "prefill": ["--json"]}


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_the_short_form_works(hornbook, benchmark, tmp_path):
    chosen = [part for name in FEW[benchmark] for part in ("--contender", name)]
    folder = tmp_path / "results"
    output = ["--output", folder / benchmark, *OPTIONS.get(benchmark, [])]
    outcome = hornbook("bench", benchmark, "--quick", *chosen, *output)
    assert outcome.status == 0, outcome.err
    report = read_report(folder / f"{benchmark}.json")
    cells = list(BENCHMARKS[benchmark].quick_cells)
    assert [result.name for result in report.results] == FEW[benchmark] * len(cells)
    assert report.cells == cells
    assert report.limits["copy, numpy"] > 0
    assert report.command.startswith(f"hornbook bench {benchmark} --quick")
    for result in report.results:
        assert result.rounds[0]["seconds"] == result.seconds
        assert result.name in outcome.out
        # Tokenizers do equal work.
        first = report.of(result.cell)[0]
        assert result.rounds[0].get("tokens") == first.rounds[0].get("tokens")
    if "--json" in output:
        assert outcome.json()["results"][0]["name"] == report.results[0].name
    assert (folder / f"{benchmark}.png").read_bytes().startswith(b"\x89PNG")
    assert f"(results/{benchmark}.png)" in make_page(folder)


@pytest.mark.parametrize("kind", ["byte pair", "sentence piece"])
def test_trainers_of_every_kind_of_tokenizer_do_equal_work(hornbook, kind):
    cell = ["--cell", f"train {kind}"]
    chosen = [part for name in LEARNERS for part in ("--contender", name)]
    outcome = hornbook("bench", "tokenize", "--quick", "--json", *cell, *chosen)
    assert outcome.status == 0, outcome.err
    results = outcome.json()["results"]
    assert [result["name"] for result in results] == list(LEARNERS)
    assert {result["rounds"][0]["tokens"] for result in results} == {300}


def test_a_cell_in_which_nobody_takes_part_is_left_out(hornbook):
    cell = ["--cell", "train word piece", "--contender", "hornbook grain"]
    outcome = hornbook("bench", "tokenize", "--quick", *cell)
    assert outcome.status == 0
    assert "train word piece: none of these contenders" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["decode", "--contender", "somebody"], "'somebody' takes no part in decode"),
        (["decode", "--dtype", "int4"], "decode runs in float32, bfloat16"),
        (["decode", "--model", "no-such", "--contender", "plain jax"], "smollm2-135m"),
        (["train", "--contender", "transformers"], "has no such model"),
        (
            ["tokenize", "--contender", "kerashub lists", "--kerashub-python", sys.executable],
            "no module keras_hub",
        ),
    ],
)
def test_what_cannot_be_measured_is_one_error(hornbook, arguments, message):
    outcome = hornbook("bench", *arguments)
    assert outcome.status == 1
    assert message in outcome.err


@pytest.mark.parametrize(
    ("benchmark", "cell", "message"),
    [
        ("decode", "8", "BATCHxPROMPT"),
        ("train", "0x8", "BATCHxLENGTH"),
        ("load", "x", "has one: folder"),
        ("tokenize", "x", "'byte pair'"),
    ],
)
def test_a_cell_that_is_no_cell_says_what_one_is(benchmark, cell, message):
    with pytest.raises(BenchmarkError, match=message):
        BENCHMARKS[benchmark].case(cell, None)


@pytest.mark.parametrize("library", ["numpy", "jax", "torch"])
def test_every_library_measures_the_machine(library):
    answer = limits.prepare({"library": library, "quick": True})()
    assert answer["device"] == "CPU"
    assert answer["copy"] > 0
    assert answer["float32"] > 0


@pytest.mark.parametrize("decoder", [plain_jax_decoder, plain_torch_decoder])
def test_decoders_by_hand_go_on_from_what_they_made(decoder, tmp_path, monkeypatch):
    """Token by token with a cache gives what a longer prompt, run at once, gives."""
    (tmp_path / "config.json").write_text((SHAPES / "tiny.json").read_text())
    config = {
        "model": str(tmp_path),
        "dtype": "float32",
        "batch": 2,
        "prompt": 7,
        "new": 6,
        "vocabulary": 96,
    }
    made = sharpened(decoder, config, monkeypatch)(6)
    monkeypatch.setattr(decoder, "prompts", lambda config: made[:, :10].astype("int32"))
    again = sharpened(decoder, config, monkeypatch)(3)
    assert np.array_equal(made, again)
    assert made.shape == (2, 13)


def sharpened(decoder, config, monkeypatch):
    """The decoder with larger weights: rounding then changes no token."""
    if decoder is plain_torch_decoder:
        import torch

        torch.manual_seed(0)
        random = torch.randn
        monkeypatch.setattr(torch, "randn", lambda size: random(size) * 10)
        generate = decoder.make(config)
        monkeypatch.setattr(torch, "randn", random)
        return generate
    random_weights = decoder.random_weights
    import jax

    monkeypatch.setattr(
        decoder,
        "random_weights",
        lambda sizes, dtype: jax.tree.map(lambda x: x * 10, random_weights(sizes, dtype)),
    )
    generate = decoder.make(config)
    monkeypatch.setattr(decoder, "random_weights", random_weights)
    return generate


@pytest.mark.parametrize("name", shape_names())
def test_shapes_are_models_that_hornbook_reads(name, tmp_path):
    (tmp_path / "config.json").write_text((SHAPES / f"{name}.json").read_text())
    assert open_checkpoint(tmp_path).config.num_layers > 1


def test_the_page_is_what_is_made_from_the_files():
    page = (ROOT / "docs/performance.md").read_text("utf-8")
    assert page == make_page(ROOT / "docs/performance"), "run: python docs/performance.py"


def test_all_pictures_of_the_page_are_there():
    folder = ROOT / "docs/performance"
    assert {path.stem for path in folder.glob("*.json")} == {
        path.stem for path in folder.glob("*.png")
    }
