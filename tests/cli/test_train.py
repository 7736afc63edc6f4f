"""`hornbook train` on a few lines of text."""

import json

import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.training.corpus import make_windows, read_texts, split


class Letters:
    """A tokenizer of single letters with 9 as its end."""

    end_token_id = 9

    def encode_batch(self, texts):
        return [[ord(letter) - ord("a") for letter in text] for text in texts]


@pytest.fixture
def rhyme(tmp_path):
    path = tmp_path / "text" / "rhyme.txt"
    path.parent.mkdir()
    path.write_text("the cat sat on the mat. " * 40)
    return path


def run(hornbook, rhyme, output, *options):
    shape = ("--sequence-length", 16, "--batch-size", 8, "--epochs", 3)
    return hornbook("train", "--data", rhyme.parent, "--output", output, *shape, *options)


def test_a_new_model_learns_and_is_saved_whole(hornbook, rhyme, tmp_path):
    output = tmp_path / "model"
    sizes = ("--layers", 1, "--hidden-dim", 16, "--heads", 2, "--vocabulary-size", 270)
    outcome = run(hornbook, rhyme, output, "--family", "gpt2", *sizes, "--json")
    assert outcome.status == 0, outcome.err
    history = json.loads((output / "history.json").read_text())
    assert history["loss"][-1] < history["loss"][0]
    result = outcome.json()
    assert result["loss"] == history["loss"][-1]
    assert result["model"] == str(output)
    assert (output / "history.png").read_bytes().startswith(b"\x89PNG")
    assert "epoch 3/3" in outcome.err
    found = hornbook("show", output, "--json").json()
    assert found["config"]["hidden_dim"] == 16
    assert found["tokenizer"]["vocabulary_size"] <= 270


def test_a_preset_is_trained_further(hornbook, rhyme, tiny_model, tmp_path):
    outcome = run(
        hornbook, rhyme, tmp_path, "--preset", tiny_model, "--learning-rate", 0.01, "--json"
    )
    assert outcome.status == 0, outcome.err
    history = json.loads((tmp_path / "history.json").read_text())
    assert history["loss"][-1] < history["loss"][0]
    assert {"perplexity", "val_loss"} <= outcome.json().keys()


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ([], 2, "either --preset or --family"),
        (["--preset", "x", "--family", "gpt2"], 2, "either --preset or --family"),
        (["--family", "bert"], 1, "no language model family 'bert'; expected bloom or"),
        (["--family", "gpt2", "--hidden-dim", 10, "--heads", 3], 1, "can't be split into 3 heads"),
        (["--family", "gpt2", "--learning-rate", 0], 2, "nothing is learned at 0"),
        (["--preset", "no_such_preset"], 1, "no_such_preset"),
    ],
)
def test_wrong_options_are_one_message(hornbook, rhyme, tmp_path, options, status, message):
    outcome = run(hornbook, rhyme, tmp_path / "model", *options)
    assert (outcome.status, outcome.out) == (status, "")
    assert message in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--family", "gpt2"], "expected the text to train on"),
        (["--family", "gpt2", "--data", "x"], "expected the folder for the results"),
        (["--recipe", "original"], "expected the folder for the results"),
        (["--recipe", "original", "--family", "gpt2"], "either --preset or --family"),
        (["--family", "gpt2", "--data", "x", "--steps-per-epoch", 3], "only recipes take it"),
    ],
)
def test_what_is_missing_is_asked_for(hornbook, options, message):
    outcome = hornbook("train", *options)
    assert (outcome.status, outcome.out) == (2, "")
    assert message in outcome.err


def test_a_check_finds_mistakes_and_trains_nothing(hornbook, rhyme, tiny_model):
    options = ("train", "--data", rhyme.parent, "--preset", tiny_model, "--sequence-length", 16)
    outcome = hornbook(*options, "--check")
    assert (outcome.status, outcome.out) == (0, "nothing found\n")
    outcome = hornbook(*options, "--check", "--learning-rate", 0)
    assert outcome.status == 1
    assert outcome.out.startswith("warning: zero_rate: The learning rate is 0")
    (finding,) = hornbook(*options, "--check", "--learning-rate", 0, "--json").json()
    assert finding["code"] == "zero_rate"


def test_a_window_longer_than_the_models_context_is_refused(hornbook, rhyme, tiny_model, tmp_path):
    outcome = run(hornbook, rhyme, tmp_path, "--preset", tiny_model, "--sequence-length", 65)
    assert outcome.status == 1
    assert "--sequence-length is 65" in outcome.err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.txt", None, "doesn't exist"),
        ("empty.txt", b" \n", "There is no text"),
        ("latin.txt", b"caf\xe9", "UTF-8"),
        ("folder", "folder", "holds no .txt or .md file"),
    ],
)
def test_text_that_can_not_be_read_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        read_texts([str(path)])
    assert name in str(error.value)


def test_files_of_a_folder_come_in_order(tmp_path):
    for name, text in {"b.txt": "two", "a.md": "one", "c.csv": "no", "d.txt": "  "}.items():
        (tmp_path / name).write_text(text)
    assert read_texts([str(tmp_path)]) == ["one", "two"]


def test_windows_hold_every_token_once_and_labels_are_one_further():
    inputs, labels = make_windows(Letters(), ["abc", "de", "f"], 2)
    assert inputs["token_ids"].tolist() == [[0, 1], [2, 9], [3, 4], [9, 5]]
    assert labels.tolist() == [[1, 2], [9, 3], [4, 9], [5, 9]]
    assert inputs["padding_mask"].all()


def test_less_text_than_a_window_is_an_error():
    with pytest.raises(DataError, match="4 tokens, less than one window of 5"):
        make_windows(Letters(), ["abc"], 4)


def test_validation_is_set_aside_once():
    labels = np.arange(40).reshape(40, 1)
    windows = ({"token_ids": labels, "padding_mask": labels}, labels)
    (inputs, kept), held_out = split(windows, 0.05, seed=1)
    assert (len(kept), len(held_out[1])) == (38, 2)
    assert sorted([*kept.ravel(), *held_out[1].ravel()]) == list(range(40))
    assert np.array_equal(inputs["token_ids"], kept)
    assert split(windows, 0.01, seed=1)[1] is None
