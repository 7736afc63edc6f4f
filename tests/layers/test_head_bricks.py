"""What heads are made of: pooling, selection, the projection that is tied to the embedding."""

import keras
import numpy as np
import pytest

from hornbook.layers.embeddings import ReversibleEmbedding
from hornbook.layers.pooling import SequencePooling
from hornbook.layers.tied_projection import TiedProjection
from hornbook.layers.token_selection import TokenSelection

STATES = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")


def array(values):
    return keras.ops.convert_to_numpy(values)


def test_the_last_real_token_s_state():
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]])
    pooled = array(SequencePooling("last")(STATES, padding_mask=mask))
    np.testing.assert_array_equal(pooled, STATES[np.arange(3), [1, 3, 2]])
    np.testing.assert_array_equal(array(SequencePooling("last")(STATES)), STATES[:, -1])
    with pytest.raises(ValueError, match="mean, cls, last"):
        SequencePooling("first")


def test_states_are_selected_by_their_positions():
    places = np.array([[0, 3], [1, 1], [2, 0]])
    selected = array(TokenSelection()(STATES, places))
    np.testing.assert_array_equal(selected, STATES[np.arange(3)[:, None], places])


def test_a_tied_projection_is_the_embedding_s_with_a_bias():
    embedding = ReversibleEmbedding(7, 5)
    embedding.build()
    projection = TiedProjection(embedding)
    outputs = projection(STATES)
    bias = np.arange(7, dtype="float32")
    projection.bias.assign(bias)
    np.testing.assert_allclose(array(projection(STATES)), array(outputs) + bias, rtol=1e-5)
    assert [variable.path for variable in projection.trainable_variables if "bias" in variable.path]
    again = TiedProjection.from_config(projection.get_config())
    assert again(STATES).shape == outputs.shape
