"""`hornbook train --recipe` on a few lines of text."""

import json

import pytest

RECIPE = """
[data]
minimum_length = 20
[tokenizer]
vocabulary_size = 60
sequence_length = 8
[model]
num_layers = 1
embedding_dim = 8
intermediate_dim = 8
[training]
batch_size = 8
epochs = 1
[samples]
max_length = 4
"""


@pytest.fixture
def files(tmp_path):
    """A text and two recipes that differ in their batch size."""
    lines = [f"the cat sat on the mat and a dog ran by {'again ' * (row % 4)}" for row in range(30)]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    (tmp_path / "small.toml").write_text(RECIPE)
    (tmp_path / "smaller.toml").write_text(RECIPE.replace("batch_size = 8", "batch_size = 4"))
    return tmp_path


def run(hornbook, files, *options, names=("small",)):
    recipes = [part for name in names for part in ("--recipe", files / f"{name}.toml")]
    return hornbook("train", *recipes, "--data", files / "text.txt", *options)


def test_recipes_are_trained_into_one_table(hornbook, files):
    output = files / "out"
    outcome = run(hornbook, files, "--output", output, names=("small", "smaller"))
    assert outcome.status == 0, outcome.err
    header, first, second, *rest = outcome.out.splitlines()
    assert header.split()[:3] == ["name", "loss", "perplexity"]
    assert first.split()[0] == "small"
    assert second.split()[7] == "4*"
    assert any(line.startswith("small: embedding ") and "head" in line for line in rest)
    assert "* 'smaller' trained with another batch size than 'small' (8)" in rest[-1]
    assert "[epoch 1] " in outcome.err
    assert (output / "results.md").is_file()
    assert (output / "small" / "history.png").is_file()
    assert len(json.loads((output / "results.json").read_text())) == 2


def test_options_stand_above_the_recipe(hornbook, files):
    options = ("--seed", 3, "--steps-per-epoch", 2, "--heads", 2, "--learning-rate", 0.01)
    found = run(hornbook, files, "--output", files / "out", *options, "--json").json()
    assert [(one["seed"], one["steps"], one["recipe"]) for one in found] == [(3, 2, "small")]


def test_a_check_reads_the_text_and_trains_nothing(hornbook, files):
    whole = ("--check", "--sequence-length", 40)
    assert run(hornbook, files, *whole).out == "nothing found\n"
    outcome = run(hornbook, files, *whole, "--learning-rate", 0)
    assert (outcome.status, outcome.out[:18]) == (1, "warning: zero_rate")
    assert run(hornbook, files, "--check").out.startswith("warning: texts_cut_off: 100% of")
    assert not (files / "out").exists()


def test_a_check_compares_with_the_folder_and_among_recipes(hornbook, files):
    whole = ("--sequence-length", 40, "--output", files / "out")
    outcome = run(hornbook, files, "--check", *whole, names=("small", "smaller"))
    said = "warning: batch_size_differs: 'smaller' will train with another batch size than 'small'"
    assert (outcome.status, outcome.out[: len(said)]) == (1, said)
    assert not (files / "out").exists()
    assert run(hornbook, files, *whole).status == 0
    outcome = run(hornbook, files, "--check", *whole, names=("smaller",))
    assert (outcome.status, outcome.out[: len(said)]) == (1, said)
    outcome = run(hornbook, files, *whole, names=("smaller",))
    assert "'smaller' will train with another batch size" in outcome.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--recipe", "orignal"], "There is no recipe 'orignal'; expected dropout"),
        (["--recipe", "fine_tune", "--heads", 2], "--heads has no meaning for recipe 'fine_tune'"),
        (["--recipe", "original", "--preset", "x"], "--preset has no meaning for recipe 'orig"),
        (["--recipe", "original", "--data", "nowhere"], "nowhere doesn't exist"),
    ],
)
def test_wrong_recipes_are_one_message(hornbook, tmp_path, options, message):
    outcome = hornbook("train", *options, "--output", tmp_path / "out")
    assert (outcome.status, outcome.out) == (1, "")
    assert message in outcome.err
    assert "Traceback" not in outcome.err
