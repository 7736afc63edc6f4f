import keras
import numpy as np
import pytest
import torch
from keras import ops
from keras.src.backend import get_keras_mask

from hornbook.layers import (
    AlibiBias,
    AlibiKeys,
    FNetEncoder,
    MaskedLMHead,
    PositionEmbedding,
    ReversibleEmbedding,
    SequencePooling,
    SinePositionEncoding,
    TokenAndPositionEmbedding,
)

RNG = np.random.default_rng(0)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def test_sines_are_those_of_the_paper():
    outputs = numpy(SinePositionEncoding(50.0)(np.zeros((2, 4, 6), "f4"), start_index=3))
    for position in range(4):
        for pair in range(3):
            angle = (position + 3) / 50.0 ** (2 * pair / 6)
            expected = [np.sin(angle), np.cos(angle)]
            got = outputs[1, position, 2 * pair : 2 * pair + 2]
            np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("heads", [1, 4, 6, 12])
def test_alibi_slopes_are_the_original_ones(heads):
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor

    theirs = build_alibi_tensor(torch.ones(1, 5), heads, torch.float32).numpy()
    theirs = theirs.reshape(1, heads, 1, 5)
    ours = numpy(AlibiBias()(np.zeros((1, heads, 1, 5), "f4")))
    np.testing.assert_allclose(ours, theirs - theirs[..., -1:], atol=1e-5)
    np.testing.assert_allclose(numpy(AlibiKeys(heads)(np.arange(5)[None])), theirs, atol=1e-5)


@pytest.mark.parametrize("heads", [4, 9, 71])
def test_rounded_biases_of_keys_are_the_original_ones(heads):
    from transformers.models.falcon.modeling_falcon import build_alibi_tensor

    theirs = build_alibi_tensor(torch.ones(1, 3000).long(), heads, torch.float32).numpy()
    layer = AlibiKeys(heads, rounded=True)
    positions = np.arange(3000)[None]
    # A compiler leaves out what it takes for a cast to and fro.
    for call in (layer, compiled(layer)):
        np.testing.assert_array_equal(numpy(call(positions))[0], theirs)


def compiled(function):
    """The function as a program of the backend."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    return function


def test_fourier_mixing_is_numpys():
    inputs = RNG.normal(size=(2, 5, 6)).astype("f4")
    encoder = FNetEncoder(7)
    encoder.build(inputs.shape)
    mixed = numpy(encoder.layer.attention(inputs))
    np.testing.assert_allclose(mixed, np.fft.fft2(inputs).real, atol=1e-4)
    assert encoder(inputs).shape == (2, 5, 6)


def test_masked_lm_head_predicts_the_masked_positions():
    embedding = ReversibleEmbedding(11, 6)
    head = MaskedLMHead(token_embedding=embedding, intermediate_activation="gelu")
    hidden = RNG.normal(size=(2, 5, 6)).astype("f4")
    places = np.array([[4, 0], [2, 2]])
    outputs = numpy(head(hidden, mask_positions=places))
    everywhere = numpy(head(hidden))
    np.testing.assert_allclose(outputs, everywhere[np.arange(2)[:, None], places], atol=1e-5)
    assert len(head.weights) == 6
    with pytest.raises(ValueError, match="token_embedding has 11 tokens"):
        MaskedLMHead(12, embedding)


def test_heads_take_the_mask_of_their_inputs_and_give_none():
    ids, places = keras.Input((3,), dtype="int32"), keras.Input((2,), dtype="int32")
    hidden = TokenAndPositionEmbedding(9, 3, 4, mask_zero=True)(ids)
    outputs = [SequencePooling()(hidden), MaskedLMHead(9)(hidden, mask_positions=places)]
    given = np.array([[3, 4, 0]] * 2), np.array([[0, 1]] * 2)
    pooled, guesses = keras.Model([ids, places], outputs)(given)
    assert get_keras_mask(pooled) is None
    assert get_keras_mask(guesses) is None


def test_pooling_leaves_out_what_the_inputs_mask_or_nothing():
    ids = keras.Input((3,), dtype="int32")
    embedding = keras.layers.Embedding(9, 4, mask_zero=True)
    model = keras.Model(ids, SequencePooling()(embedding(ids)))
    rows = numpy(embedding(np.array([[3, 4, 0]])))
    pooled = numpy(model(np.array([[3, 4, 0]])))
    np.testing.assert_allclose(pooled, rows[:, :2].mean(1), atol=1e-6)
    np.testing.assert_allclose(numpy(SequencePooling()(rows)), rows.mean(1), atol=1e-6)


def test_untied_embedding_has_a_matrix_for_each_way():
    layer = ReversibleEmbedding(11, 4, tie_weights=False, mask_zero=True)
    hidden = layer(np.array([[0, 3]]))
    logits = numpy(layer(hidden, reverse=True))
    expected = numpy(hidden) @ numpy(layer.reverse_embeddings).T
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert abs(numpy(layer.embeddings) - numpy(layer.reverse_embeddings)).max() > 1e-3


def test_reverse_dtype_is_that_of_the_logits():
    layer = ReversibleEmbedding(11, 4, reverse_dtype="float32", dtype="mixed_bfloat16")
    hidden = layer(np.array([[1, 3]]))
    assert keras.backend.standardize_dtype(hidden.dtype) == "bfloat16"
    logits = layer(hidden, reverse=True)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


def test_positions_start_where_they_are_told():
    layer = TokenAndPositionEmbedding(10, 6, 4)
    ids = np.array([[1, 2, 3, 4]])
    whole = numpy(layer(ids))
    np.testing.assert_allclose(numpy(layer(ids[:, 2:], start_index=2)), whole[:, 2:], atol=1e-6)


def test_sequence_longer_than_the_positions_is_refused():
    with pytest.raises(ValueError, match="7 tokens; the embedding has 6"):
        PositionEmbedding(6)(np.zeros((1, 7, 4), "f4"))


@pytest.mark.parametrize(
    "layer",
    [
        AlibiBias(4),
        AlibiKeys(3, scale=0.5, rounded=True),
        FNetEncoder(7, dropout=0.1, activation="gelu", layer_norm_epsilon=1e-3),
        MaskedLMHead(9, activation="softmax"),
        PositionEmbedding(5, initializer="zeros"),
        SinePositionEncoding(77.0),
        TokenAndPositionEmbedding(9, 5, 4, tie_weights=False, mask_zero=True),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_config_makes_the_same_layer(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
