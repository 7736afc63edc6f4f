import keras
import numpy as np
import pytest

from hornbook.losses import SparseTokenCrossentropy
from hornbook.models import GPT2Backbone, GPT2CausalLM
from hornbook.training import preflight

VOCABULARY = 12


@pytest.fixture
def codes():
    """Runs preflight and returns the codes of what it found."""

    def run(model, *data, **arguments):
        return [finding.code for finding in preflight(model, *data, **arguments)]

    return run


@pytest.fixture(scope="session")
def bigrams():
    """Makes a plain keras.Model that maps ids [batch, length] to logits, compiled as one asks."""

    def make(optimizer="sgd", loss=None, mask_zero=False, **options):
        ids = keras.Input((None,), dtype="int32")
        hidden = keras.layers.Embedding(VOCABULARY, 4, mask_zero=mask_zero)(ids)
        model = keras.Model(ids, keras.layers.Dense(VOCABULARY)(hidden))
        model.compile(optimizer, loss or SparseTokenCrossentropy(), **options)
        return model

    return make


@pytest.fixture
def decoder(a_decoder):
    """A family's task over a vocabulary of eight, compiled as it is by default."""
    a_decoder.compile()
    return a_decoder


@pytest.fixture(scope="session")
def a_decoder():
    return GPT2CausalLM(GPT2Backbone(vocabulary_size=8, num_layers=1, num_heads=2, hidden_dim=4))


@pytest.fixture(scope="session")
def rows():
    """Ids, and labels one further: three rows of eight, the last two filled up with token 1."""
    ids = np.array(
        [
            [2, 3, 4, 5, 6, 7, 8, 9, 2],
            [5, 0, 2, 4, 0, 1, 1, 1, 1],
            [7, 5, 3, 1, 1, 1, 1, 1, 1],
        ],
        "int32",
    )
    return ids[:, :-1], ids[:, 1:]
