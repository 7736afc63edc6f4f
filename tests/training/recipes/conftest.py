import dataclasses

import pytest

from hornbook.training.recipes import read_recipe

WORDS = ["the cat sat", "a dog ran", "we saw it", "they were here", "on the mat", "in the rain"]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A file of 40 lines of four to six phrases, and of short ones that are left out."""
    path = tmp_path_factory.mktemp("corpus") / "lines.txt"
    lines = [" ".join(WORDS[(row + i * i) % 6] for i in range(4 + row % 3)) for row in range(40)]
    path.write_text("\n\ntoo short\n".join(lines))
    return path


@pytest.fixture(scope="session")
def tiny(corpus):
    """The original recipe in small: two passes of three steps over rows of eight tokens."""
    recipe = read_recipe("original")
    for part, values in {
        "data": {"sources": (str(corpus),), "minimum_length": 20},
        "tokenizer": {"vocabulary_size": 60, "sequence_length": 8},
        "model": {"num_layers": 1, "num_heads": 3, "embedding_dim": 8, "intermediate_dim": 8},
        "training": {"batch_size": 8, "epochs": 2, "steps_per_epoch": 3, "learning_rate": 0.02},
        "samples": {"max_length": 6},
    }.items():
        recipe = recipe.with_values(part, **values)
    return dataclasses.replace(recipe, name="tiny")
