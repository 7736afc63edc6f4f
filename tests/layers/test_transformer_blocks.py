import keras
import numpy as np
import pytest
from keras import ops

from hornbook.layers import (
    CachedMultiHeadAttention,
    TokenAndPositionEmbedding,
    TransformerDecoder,
    TransformerEncoder,
)
from layers.keras_blocks import attention, block, randomize

RNG = np.random.default_rng(0)
PADDING = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)
CAUSAL = np.tril(np.ones((5, 5), bool))
ALLOWED = RNG.random((2, 5, 5)) < 0.7
ALLOWED |= np.eye(5, dtype=bool)


def normal(*shape):
    return RNG.normal(size=shape).astype("f4")


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("normalize_first", [False, True])
def test_encoder_is_what_keras_computes(normalize_first):
    inputs = normal(2, 5, 10)
    encoder = TransformerEncoder(7, 3, activation="tanh", normalize_first=normalize_first)
    encoder.build(inputs.shape)
    randomize(encoder)
    outputs = numpy(encoder(inputs, padding_mask=PADDING, attention_mask=ALLOWED))
    expected = block(encoder, inputs, PADDING[:, None] & ALLOWED)
    np.testing.assert_allclose(outputs[PADDING], expected[PADDING], atol=2e-5)


@pytest.mark.parametrize("normalize_first", [False, True])
def test_decoder_is_what_keras_computes(normalize_first):
    inputs, memory = normal(2, 5, 8), normal(2, 4, 6)
    memory_padding = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], bool)
    decoder = TransformerDecoder(7, 2, activation="gelu", normalize_first=normalize_first)
    decoder.build(inputs.shape, memory.shape)
    randomize(decoder)
    outputs = decoder(
        inputs, memory, decoder_padding_mask=PADDING, encoder_padding_mask=memory_padding
    )
    expected = block(decoder, inputs, CAUSAL & PADDING[:, None], memory, memory_padding[:, None])
    np.testing.assert_allclose(numpy(outputs)[PADDING], expected[PADDING], atol=2e-5)
    free = decoder(inputs, memory, use_causal_mask=False)
    expected = block(decoder, inputs, None, memory)
    np.testing.assert_allclose(numpy(free), expected, atol=2e-5)


# With the first key always visible, no query is left with none.
LOOKS = np.concatenate([np.ones((2, 5, 1), bool), RNG.random((2, 5, 4)) < 0.5], axis=-1)
MEMORY_LOOKS = np.concatenate([np.ones((2, 5, 1), bool), RNG.random((2, 5, 3)) < 0.5], axis=-1)
MEMORY_PADDING = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], bool)
MASKS = {
    "decoder_attention_mask": LOOKS,
    "decoder_padding_mask": PADDING,
    "encoder_attention_mask": MEMORY_LOOKS,
    "encoder_padding_mask": MEMORY_PADDING,
}
GIVEN = [(name,) for name in MASKS] + [tuple(MASKS), tuple(MASKS)[:2], tuple(MASKS)[2:]]


def decoder_with_memory():
    inputs, memory = normal(2, 5, 8), normal(2, 4, 6)
    decoder = TransformerDecoder(7, 2)
    decoder.build(inputs.shape, memory.shape)
    randomize(decoder)
    return decoder, inputs, memory


@pytest.mark.parametrize("kind", ["bool", "int32", "float32"])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("names", GIVEN, ids="+".join)
def test_decoder_looks_where_each_mask_allows(names, causal, kind):
    decoder, inputs, memory = decoder_with_memory()
    masks = {name: MASKS[name] for name in names}
    given = {name: mask.astype(kind) for name, mask in masks.items()}
    outputs = numpy(decoder(inputs, memory, use_causal_mask=causal, **given))
    own = np.broadcast_to(CAUSAL if causal else True, (2, 5, 5))
    own = own & masks.get("decoder_attention_mask", True)
    own = own & masks.get("decoder_padding_mask", np.ones((2, 5), bool))[:, None]
    others = np.ones((2, 5, 4), bool) & masks.get("encoder_attention_mask", True)
    others = others & masks.get("encoder_padding_mask", np.ones((2, 4), bool))[:, None]
    np.testing.assert_allclose(outputs, block(decoder, inputs, own, memory, others), atol=2e-5)


@pytest.mark.parametrize("name", MASKS)
def test_what_a_mask_hides_changes_nothing(name):
    decoder, inputs, memory = decoder_with_memory()
    options = {"use_causal_mask": False, name: MASKS[name]}
    outputs = numpy(decoder(inputs, memory, **options))
    for row, query in np.ndindex(2, 5):
        seen = MASKS[name][row, query] if "attention" in name else MASKS[name][row]
        others = [inputs.copy(), memory.copy()]
        changed = others["encoder" in name]
        hidden = ~seen
        if "decoder" in name:
            hidden = hidden & (np.arange(5) != query)  # it is added to what it looks at
        changed[row, hidden] += 1.0
        again = numpy(decoder(*others, **options))
        np.testing.assert_allclose(again[row, query], outputs[row, query], atol=1e-5)
        blind = [
            numpy(decoder(*pair, use_causal_mask=False)) for pair in ((inputs, memory), others)
        ]
        assert hidden.any() == (abs(blind[0] - blind[1])[row, query].max() > 1e-3)


@pytest.mark.parametrize("causal", [True, False])
def test_decoder_masks_are_of_the_slots_of_a_cache(causal):
    decoder, inputs, memory = decoder_with_memory()
    looks = LOOKS & (CAUSAL if not causal else True)  # a later slot holds nothing yet
    whole = numpy(
        decoder(
            inputs,
            memory,
            decoder_padding_mask=PADDING,
            decoder_attention_mask=looks,
            encoder_attention_mask=MEMORY_LOOKS,
            encoder_padding_mask=MEMORY_PADDING,
            use_causal_mask=causal,
        )
    )
    cache, cross = np.zeros((2, 2, 5, 2, 4), "f4"), np.zeros((2, 2, 4, 2, 4), "f4")
    for start, end in ((0, 2), (2, 3), (3, 5)):
        outputs, cache, cross = decoder(
            inputs[:, start:end],
            memory,
            decoder_padding_mask=PADDING,
            decoder_attention_mask=looks[:, start:end],
            encoder_attention_mask=MEMORY_LOOKS[:, start:end],
            encoder_padding_mask=MEMORY_PADDING,
            self_attention_cache=cache,
            self_attention_cache_update_index=start,
            cross_attention_cache=cross,
            cross_attention_cache_update_index=None if start else 0,
            use_causal_mask=causal,
        )
        np.testing.assert_allclose(numpy(outputs), whole[:, start:end], atol=2e-5)


def test_decoder_has_the_parameters_of_the_original():
    decoder = TransformerDecoder(intermediate_dim=256, num_heads=3)
    decoder.build((None, None, 256))
    assert decoder.count_params() == 394_749


def test_decoder_token_by_token_is_the_whole():
    inputs, memory = normal(2, 6, 8), normal(2, 4, 8)
    decoder = TransformerDecoder(7, 2)
    whole = numpy(decoder(inputs, memory))
    cache, cross = np.zeros((2, 2, 9, 2, 4), "f4"), np.zeros((2, 2, 4, 2, 4), "f4")
    for start, end in ((0, 2), (2, 4), (4, 6)):
        outputs, cache, cross = decoder(
            inputs[:, start:end],
            memory,
            self_attention_cache=cache,
            self_attention_cache_update_index=start,
            cross_attention_cache=cross,
            cross_attention_cache_update_index=None if start else 0,
        )
        np.testing.assert_allclose(numpy(outputs), whole[:, start:end], atol=1e-5)
    assert (tuple(cache.shape), tuple(cross.shape)) == ((2, 2, 9, 2, 4), (2, 2, 4, 2, 4))


def test_decoder_cache_without_memory():
    inputs = normal(1, 4, 9)
    decoder = TransformerDecoder(7, 2)
    whole = numpy(decoder(inputs))
    cache = np.zeros((1, 2, 4, 2, 4), "f4")
    for index in range(4):
        outputs, cache = decoder(
            inputs[:, index : index + 1],
            self_attention_cache=cache,
            self_attention_cache_update_index=index,
        )
        np.testing.assert_allclose(numpy(outputs)[:, 0], whole[:, index], atol=1e-5)


def test_mask_comes_with_the_embedding():
    ids = np.array([[3, 4, 5, 0, 0], [6, 7, 8, 9, 1]])
    embedding = TokenAndPositionEmbedding(10, 5, 8, mask_zero=True)
    encoder = TransformerEncoder(7, 2)
    hidden = embedding(ids)
    implicit = numpy(encoder(hidden))
    explicit = numpy(encoder(numpy(hidden), padding_mask=ids != 0))
    blind = numpy(encoder(numpy(hidden)))
    np.testing.assert_allclose(implicit, explicit, atol=1e-6)
    assert abs(implicit - blind)[0].max() > 1e-3


def test_symbolic_calls_with_caches_have_shapes():
    inputs = keras.Input((None, 8))
    cache = keras.Input((2, 9, 2, 4))
    decoder = TransformerDecoder(7, 2)
    decoder.build((None, None, 8))
    outputs, updated = decoder(
        inputs, self_attention_cache=cache, self_attention_cache_update_index=0
    )
    assert (outputs.shape, updated.shape) == ((None, None, 8), (None, 2, 9, 2, 4))


def test_cached_attention_is_what_keras_computes():
    query, value = normal(2, 3, 8), normal(2, 5, 6)
    layer = CachedMultiHeadAttention(3, 4, value_dim=5, output_shape=7)
    layer.build(query.shape, value.shape)
    randomize(layer)
    outputs = numpy(layer(query, value, attention_mask=ALLOWED[:, :3]))
    expected = attention(layer.attention, query, value, ALLOWED[:, :3])
    np.testing.assert_allclose(outputs, numpy(expected), atol=2e-5)


def test_cached_attention_writes_where_it_is_told():
    layer = CachedMultiHeadAttention(2, 4)
    x, cache = normal(1, 2, 8), np.zeros((1, 2, 5, 2, 4), "f4")
    _, cache = layer(x, x, cache=cache, cache_update_index=3)
    written = abs(numpy(cache)).max(axis=(0, 1, 3, 4)) > 0
    assert written.tolist() == [False, False, False, True, True]


def test_half_of_the_caches_is_refused():
    decoder = TransformerDecoder(7, 2)
    x, cache = normal(1, 2, 8), np.zeros((1, 2, 5, 2, 4), "f4")
    decoder(x, x)
    with pytest.raises(ValueError, match="both are needed"):
        decoder(x, x, self_attention_cache=cache, self_attention_cache_update_index=0)
    with pytest.raises(ValueError, match="built with an encoder sequence"):
        decoder(x)


def test_more_heads_than_features_are_refused():
    with pytest.raises(ValueError, match="num_heads=9 can't share"):
        TransformerEncoder(7, 9)(normal(1, 2, 8))
    with pytest.raises(ValueError, match="num_heads=0; expected 1 or more"):
        TransformerEncoder(7, 0)


@pytest.mark.parametrize("kind", [TransformerEncoder, TransformerDecoder])
def test_saved_model_computes_the_same(kind, tmp_path):
    inputs = keras.Input((None,), dtype="int32")
    hidden = TokenAndPositionEmbedding(10, 5, 8, mask_zero=True)(inputs)
    outputs = keras.layers.Dense(10)(kind(7, 3, dropout=0.1, activation="gelu")(hidden))
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    ids = np.array([[3, 4, 5, 0, 0]])
    np.testing.assert_array_equal(numpy(loaded(ids)), numpy(model(ids)))
