"""Recipes in small, from text to tables."""

import dataclasses
import sys

import keras
import pytest

from hornbook.errors import BackendError, HornbookWarning
from hornbook.models import GPT2Backbone, GPT2CausalLM
from hornbook.preprocessing import CausalLMPreprocessor
from hornbook.tasks import CausalLM
from hornbook.tokenizers import WordPieceTokenizer
from hornbook.training.recipes import read_recipe, results, run, run_recipe, search, text

# As the tiny recipe's are.
pytestmark = pytest.mark.filterwarnings("ignore:100% of the lines of recipe")


def without_time(result):
    return dataclasses.replace(result, milliseconds_per_step=0.0)


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory):
    """The tiny recipe's result, the lines that it wrote, and its folder."""
    folder, lines = tmp_path_factory.mktemp("results"), []
    (result,) = run_recipe(tiny, folder, write=lines.append)
    return result, lines, folder


def test_a_run_learns_and_leaves_a_table_a_curve_and_samples(trained):
    result, lines, folder = trained
    assert result.history["loss"][1] < result.history["loss"][0]
    assert set(result.history) == {"loss", "perplexity", "val_loss", "val_perplexity"}
    assert (result.steps, result.batch_size) == (6, 8)
    assert [said[:16] for said in result.findings] == ["100% of the line"]
    assert result.milliseconds_per_step > 0
    assert result.parameters == sum(result.parts.values())
    assert results.read(folder) == [result]
    assert (folder / result.folder / "history.png").read_bytes().startswith(b"\x89PNG")
    assert list(result.samples) == ["0", "1"]
    assert lines[0].startswith("tiny: 38 lines, ")
    assert [line[:10] for line in lines[1:]] == ["[epoch 1] ", "[epoch 2] "]


def test_the_same_seed_gives_the_same_result(tiny, trained, tmp_path):
    (again,) = run_recipe(tiny, tmp_path)
    assert without_time(again) == without_time(trained[0])
    prepared = [
        run.prepare_run(dataclasses.replace(tiny, seed=seed), *search._read(tiny))
        for seed in (0, 1)
    ]
    first, other = (keras.ops.convert_to_numpy(one.model.weights[0]) for one in prepared)
    assert (first != other).any()


@pytest.fixture
def stand_in(trained, monkeypatch):
    """Puts a function that notes the points it is called with in the place of training.

    It is interrupted once, at the third.
    """
    made = []

    def train(recipe, prepared, point, **more):
        made.append(point)
        if len(made) == 3:
            raise KeyboardInterrupt
        return dataclasses.replace(trained[0], point=point, loss=float(len(made)))

    monkeypatch.setattr(run, "run", train)
    return made


@pytest.mark.backend_free
def test_a_grid_goes_on_where_it_was_broken_off(tiny, stand_in, tmp_path):
    pytest.importorskip("optuna")
    recipe = dataclasses.replace(tiny, grid={"num_heads": [1, 2], "dropout": [0.5, 0.0]})
    points = search.points(recipe)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe, tmp_path)
    found = run_recipe(recipe, tmp_path)
    assert stand_in == [*points[:3], *points[2:]]
    assert [one.point for one in found] == points
    assert run_recipe(recipe, tmp_path) == found
    assert len(stand_in) == 5

    larger = dataclasses.replace(recipe, grid={**recipe.grid, "num_heads": [1, 2, 4]})
    assert len(run_recipe(larger, tmp_path)) == len(results.read(tmp_path)) == 6
    assert [point["num_heads"] for point in stand_in[5:]] == [4, 4]

    run_recipe(recipe.with_values("training", learning_rate=0.01), tmp_path)
    assert len(stand_in) == 7 + 4


@pytest.mark.backend_free
def test_a_pretrained_model_is_trained_on_the_same_lines(tiny, tmp_path, monkeypatch):
    def from_preset(preset):
        assert preset == "mine"
        lines = text.read_lines(tiny.data).training
        tokenizer = text.train_tokenizer(tiny.tokenizer, lines)
        backbone = GPT2Backbone(
            vocabulary_size=tokenizer.vocabulary_size(), num_layers=1, num_heads=2, hidden_dim=8,
            max_sequence_length=16, dropout=0.0, end_token_id=None,
        )  # fmt: skip
        tokenizer = WordPieceTokenizer(tokenizer.get_vocabulary(), lowercase=True)
        return GPT2CausalLM(backbone, CausalLMPreprocessor(tokenizer, sequence_length=16))

    monkeypatch.setattr(CausalLM, "from_preset", from_preset)
    recipe = dataclasses.replace(read_recipe("fine_tune"), data=tiny.data, training=tiny.training)
    recipe = recipe.with_values("pretrained", preset="mine", sequence_length=8)
    recipe = recipe.with_values("training", schedule="linear")
    (result,) = run_recipe(recipe.with_values("samples", prompts=["the"], max_length=4), tmp_path)
    assert result.history["loss"][1] < result.history["loss"][0]
    assert [said[:16] for said in result.findings] == ["100% of the line"]
    assert result.samples["1"][0].startswith("the ")


def codes(recipe, output=None):
    return [finding.code for finding in search.check_recipe(recipe, output)]


def test_a_check_trains_nothing_and_finds_what_preflight_finds(tiny, monkeypatch):
    monkeypatch.setattr(keras.Model, "fit", None)
    long = tiny.with_values("tokenizer", sequence_length=30)
    assert codes(long) == []
    assert codes(long.with_values("training", learning_rate=0.0)) == ["zero_rate"]


def test_lines_that_are_cut_off_are_found(tiny):
    (finding,) = search.check_recipe(tiny)
    assert finding.code == "texts_cut_off"
    assert finding.message.startswith(
        "100% of the lines of recipe 'tiny' fill its sequence_length of 8 tokens"
    )


@pytest.mark.backend_free
def test_another_batch_size_is_said_before_training(tiny, trained, stand_in, tmp_path):
    other = dataclasses.replace(tiny.with_values("training", batch_size=4), name="other")
    other = other.with_values("tokenizer", sequence_length=30)
    results.write([trained[0]], tmp_path)
    (finding,) = search.check_recipe(other, tmp_path)
    assert finding.code == "batch_size_differs"
    assert "'other' will train with another batch size than 'tiny' (8)" in finding.message
    assert codes(other) == []
    grid = dataclasses.replace(other, grid={"batch_size": [4, 4, 2]})
    assert codes(grid) == ["batch_size_differs"]
    assert stand_in == []
    with pytest.warns(HornbookWarning, match="'other' will train with another batch size"):
        run_recipe(other, tmp_path)


@pytest.mark.backend_free
def test_a_grid_without_optuna_says_what_to_install(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(BackendError, match=r"hornbook\[tune\]"):
        run_recipe(dataclasses.replace(tiny, grid={"num_heads": [1]}), tmp_path)
