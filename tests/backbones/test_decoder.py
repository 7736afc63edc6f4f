"""What an assembly does beyond what the families' originals show."""

import itertools

import keras
import numpy as np
from keras import ops

from hornbook.backbones.decoder import Decoder
from hornbook.layers import (
    Attention,
    FeedForward,
    Linear,
    PositionEmbedding,
    ReversibleEmbedding,
    RotaryAngles,
)
from hornbook.layers.norm import LayerNormalization
from hornbook.layers.transformer_layer import TransformerLayer

IDS = np.array([[5, 3, 8, 1, 6], [2, 9, 4, 7, 0]], "int32")


def decoder(**options):
    layer = TransformerLayer(
        Attention(2, 1, 4),
        LayerNormalization(),
        FeedForward(9, "relu"),
        LayerNormalization(),
        name="layer",
    )
    return Decoder(
        token_embedding=ReversibleEmbedding(10, 6, embeddings_initializer="normal"),
        input_projection=Linear(8, name="input_projection"),
        position_embedding=PositionEmbedding(12),
        layers=[layer],
        final_norm=LayerNormalization(),
        output_projection=Linear(6, name="output_projection"),
        **options,
    )


def run(assembly, token_ids, padding_mask):
    inputs = assembly.inputs()
    model = keras.Model(inputs, assembly.outputs(inputs))
    return ops.convert_to_numpy(model({"token_ids": token_ids, "padding_mask": padding_mask}))


def padded(places):
    """The rows with their tokens at `places` of seven, and junk elsewhere."""
    token_ids, mask = np.full((2, 7), 7, "int32"), np.zeros((2, 7), "int32")
    token_ids[:, places], mask[:, places] = IDS, 1
    return token_ids, mask


def test_padding_takes_no_position_wherever_it_stands():
    assembly = decoder(counts_padding=False)
    alone = run(assembly, IDS, np.ones_like(IDS))
    assert alone.shape == (2, 5, 6)
    for places in ([0, 1, 2, 3, 4], [2, 3, 4, 5, 6], [0, 2, 3, 5, 6]):
        np.testing.assert_allclose(run(assembly, *padded(places))[:, places], alone, atol=1e-5)


def test_padding_takes_a_position_by_default():
    assembly = decoder()
    alone = run(assembly, IDS, np.ones_like(IDS))
    right, left = [0, 1, 2, 3, 4], [2, 3, 4, 5, 6]
    np.testing.assert_allclose(run(assembly, *padded(right))[:, right], alone, atol=1e-5)
    assert np.abs(run(assembly, *padded(left))[:, left] - alone).max() > 1e-3


def test_projections_stand_around_the_layers_with_a_cache_too():
    assembly = decoder()
    whole = run(assembly, IDS, np.ones_like(IDS))
    cache, steps = assembly.init_cache(2, 5), []
    for position in range(5):
        positions = np.full(2, position, "int32")
        hidden, cache = assembly.call_with_cache(IDS[:, position : position + 1], cache, positions)
        steps.append(ops.convert_to_numpy(hidden))
    np.testing.assert_allclose(np.concatenate(steps, axis=1), whole, atol=1e-5)


def test_each_layer_has_its_own_rotation():
    def two_layers(rotary):
        keras.utils.set_random_seed(0)
        layers = [
            TransformerLayer(
                Attention(2, 1, 4), None, FeedForward(9, "relu"), None, name=f"layers_{i}"
            )
            for i in range(2)
        ]
        embedding = ReversibleEmbedding(10, 8, embeddings_initializer="normal")
        return Decoder(
            token_embedding=embedding, embedding_scale=3.0, layers=layers, rotary=rotary,
            final_norm=None,
        )  # fmt: skip

    slow, fast = RotaryAngles(4, 100.0, name="slow"), RotaryAngles(4, 2.0, name="fast")
    choices = [None, slow, (slow, slow), (slow, fast), (fast, slow), (None, slow)]
    outputs = [run(two_layers(rotary), IDS, np.ones_like(IDS)) for rotary in choices]
    np.testing.assert_array_equal(outputs[1], outputs[2])
    different = [0, 1, 3, 4, 5]
    for index, other in itertools.combinations(different, 2):
        assert np.abs(outputs[index] - outputs[other]).max() > 1e-4
    assembly = two_layers((None, slow))
    whole = run(assembly, IDS, np.ones_like(IDS))
    start = ops.zeros(2, "int32")
    cached, _ = assembly.call_with_cache(IDS, assembly.init_cache(2, 8), start)
    np.testing.assert_allclose(ops.convert_to_numpy(cached), whole, atol=1e-5)
    x = assembly.token_embedding(IDS) * 3.0
    first = assembly.layers[0](x, causal_mask())
    last = assembly.layers[1](first, causal_mask(), slow(np.arange(5)[None]))
    np.testing.assert_allclose(ops.convert_to_numpy(last), whole, atol=1e-5)


def causal_mask():
    return ops.convert_to_tensor(np.tril(np.ones((5, 5), bool))[None, None])
