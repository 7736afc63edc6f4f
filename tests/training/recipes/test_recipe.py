import pytest

from hornbook.errors import ConfigError
from hornbook.training.recipes import names, read_recipe
from hornbook.training.recipes.search import points

pytestmark = pytest.mark.backend_free


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return write


def test_the_documents_experiments_are_there():
    found = {name: read_recipe(name) for name in names()}
    assert set(found) == {
        "original", "final_norm", "pre_norm", "heads_layers_grid", "dropout", "reversible_gelu",
        "fine_tune",
    }  # fmt: skip
    assert {recipe.name for recipe in found.values()} == set(found)
    assert all(recipe.title for recipe in found.values())
    # Else what they gain or lose may come of that (see `results.compare`).
    assert {recipe.training.batch_size for recipe in found.values()} == {32}
    assert {recipe.data for recipe in found.values()} == {found["original"].data}
    numbers = {name: len(points(recipe)) for name, recipe in found.items()}
    assert (numbers["original"], numbers["heads_layers_grid"], numbers["dropout"]) == (1, 6, 3)


def test_the_experiments_differ_in_what_they_are_named_for():
    model = {name: read_recipe(name).model for name in names()}
    assert (model["original"].num_layers, model["original"].num_heads) == (2, 3)
    assert model["original"].intermediate_dim == model["original"].embedding_dim == 256
    assert model["final_norm"].final_norm
    assert not model["original"].final_norm
    assert model["pre_norm"].normalize_first
    assert model["dropout"].dropout == 0.1
    assert (model["reversible_gelu"].output, model["reversible_gelu"].activation) == (
        "tied",
        "gelu_new",
    )
    assert read_recipe("fine_tune").pretrained is not None


def test_a_file_of_ones_own(written):
    recipe = read_recipe(
        written("seed = 3\n[model]\ndropout = 0\n[grid]\nbatch_size = [8, 16]\nnum_heads = [2]")
    )
    assert (recipe.name, recipe.seed, recipe.model.dropout) == ("mine", 3, 0.0)
    assert points(recipe) == [
        {"batch_size": 8, "num_heads": 2},
        {"batch_size": 16, "num_heads": 2},
    ]
    single = recipe.at(points(recipe)[1])
    assert (single.training.batch_size, single.model.num_heads, single.grid) == (16, 2, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[modle]\n", "'modle' is not known; did you mean 'model'?"),
        ("[model]\nheads = 3", r"\[model\]: 'heads' is not known; did you mean 'num_heads'?"),
        ("[model]\nxyz = 3", "expected one of activation, dropout"),
        ("[model]\nnum_heads = 2.5", "num_heads is 2.5; expected a whole number"),
        ("[model]\nnum_heads = true", "num_heads is True; expected a whole number"),
        ('[model]\nnormalize_first = "yes"', "expected true or false"),
        ('[model]\noutput = "reversed"', 'output is \'reversed\'; expected "dense" or "tied"'),
        ('[data]\nsources = "a"', "sources is 'a'; expected a list"),
        ("model = 3", "model is 3; expected a table"),
        ("[pretrained]\n", "'preset' is missing"),
        ("[grid]\nlayers = [1]", "'layers' is not known; did you mean 'num_layers'?"),
        ("[grid]\nnum_heads = 4", "num_heads is 4; expected a list of values"),
        ('[grid]\nnum_heads = [4, "8"]', "num_heads is '8'; expected a whole number"),
        ('[pretrained]\npreset = "a"\n[grid]\nnum_heads = [4]', "has its own sizes"),
        ("seed = ", "is no TOML"),
    ],
)
def test_what_no_recipe_says_is_named(written, text, message):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")) as error:
        read_recipe(written(text))
    assert "mine.toml" in str(error.value)


def test_a_recipe_that_there_is_not():
    with pytest.raises(ConfigError, match=r"no recipe 'orignal'; expected dropout, .*original"):
        read_recipe("orignal")


def test_the_digest_is_of_what_the_result_depends_on(tiny):
    assert tiny.digest == tiny.with_values("model").digest
    assert tiny.digest != tiny.with_values("training", epochs=3).digest
    assert tiny.digest != tiny.with_values("data", minimum_length=21).digest
