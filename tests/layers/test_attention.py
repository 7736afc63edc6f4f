import keras
import numpy as np
import pytest
from keras import ops

from hornbook.layers import (
    Attention,
    AttentionMask,
    CachedMultiHeadAttention,
    RMSNormalization,
    RotaryAngles,
)
from hornbook.layers.attention_mask import visible_keys
from hornbook.layers.dot_product_attention import (
    dot_product_attention,
    dot_product_attention_reference,
)
from hornbook.layers.rope import rotate

RNG = np.random.default_rng(0)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def normal(*shape):
    return RNG.normal(size=shape).astype("f4")


def naive_attention(query, key, value, mask, scale):
    """One query head at a time, keys and values repeated for the group."""
    batch, length, heads, _ = query.shape
    group = heads // key.shape[1]
    outputs = []
    for head in range(heads):
        scores = query[:, :, head] @ key[:, head // group].swapaxes(1, 2) * scale
        scores = np.where(mask[:, 0], scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        outputs.append(weights @ value[:, head // group])
    return np.stack(outputs, 2).reshape(batch, length, -1)


@pytest.mark.parametrize("kv_heads", [1, 2, 6])
def test_grouped_attention_equals_repeated_heads(kv_heads):
    query, key, value = normal(2, 3, 6, 4), normal(2, kv_heads, 5, 4), normal(2, kv_heads, 5, 4)
    mask = RNG.random((2, 1, 3, 5)) < 0.6
    mask[..., 0] = True
    arguments = [ops.convert_to_tensor(array) for array in (query, key, value, mask)]
    expected = naive_attention(query, key, value, mask, 0.3)
    for form in (dot_product_attention, dot_product_attention_reference):
        np.testing.assert_allclose(numpy(form(*arguments, scale=0.3)), expected, atol=1e-5)


def test_row_that_sees_nothing_is_finite():
    query, key = ops.ones((1, 2, 1, 4)), ops.ones((1, 1, 3, 4))
    mask = ops.zeros((1, 1, 2, 3), dtype="bool")
    assert np.isfinite(numpy(dot_product_attention(query, key, key, mask, scale=1.0))).all()


@pytest.mark.parametrize("window", [None, 3])
def test_cache_gives_what_the_whole_sequence_gives(window):
    layer = Attention(6, 2, 4, window=window)
    rotary = RotaryAngles(4)
    inputs = ops.convert_to_tensor(normal(2, 7, 10))
    mask = AttentionMask(causal=True, window=window)(ops.ones((2, 7)))
    whole = numpy(layer(inputs, mask, rotary(ops.arange(7)[None])))
    cache = (ops.zeros((2, 2, 9, 4)), ops.zeros((2, 2, 9, 4)))
    for start, end in ((0, 3), (3, 4), (4, 7)):
        places = ops.broadcast_to(ops.arange(start, end)[None], (2, end - start))
        mask = visible_keys(places, 9, window=window)
        positions = ops.full((2,), start, dtype="int32")
        outputs, cache = layer(inputs[:, start:end], mask, rotary(places), cache, positions)
        np.testing.assert_allclose(numpy(outputs), whole[:, start:end], atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_prompt_gives_the_same_with_a_wider_cache_as_without(dtype):
    """To the last bit: its attention is that of the dtype in which it computes."""
    layer = Attention(6, 2, 4, dtype=dtype)
    inputs = ops.cast(normal(2, 20, 10), dtype)
    mask = AttentionMask(causal=True)(ops.ones((2, 20)))
    cache, start = [ops.zeros((2, 2, 20, 4))] * 2, ops.zeros((2,), dtype="int32")
    outputs, cache = layer(inputs, mask, cache=tuple(map(ops.copy, cache)), positions=start)
    assert all("float32" in str(table.dtype) for table in cache)
    assert dtype in str(outputs.dtype)
    in_float32 = numpy(ops.cast(outputs, "float32"))
    expected = numpy(ops.cast(layer(inputs, mask), "float32"))
    np.testing.assert_array_equal(in_float32, expected)
    outputs, _ = layer(inputs[:, -1:], mask[:, :, -1:], cache=cache)
    last = numpy(ops.cast(outputs, "float32"))[:, 0]
    np.testing.assert_allclose(last, expected[:, -1], atol=0.05 if dtype == "bfloat16" else 1e-6)


def test_a_model_with_a_cache_of_any_length():
    """While Keras makes it, the number of queries isn't known."""
    layer = CachedMultiHeadAttention(num_heads=2, key_dim=4)
    inputs, cache = keras.Input((None, 8)), keras.Input((2, 20, 2, 4))
    outputs = layer(inputs, inputs, cache=cache)
    model = keras.Model([inputs, cache], outputs)
    outputs, cache = model([normal(1, 17, 8), normal(1, 2, 20, 2, 4)])
    assert (outputs.shape, cache.shape) == ((1, 17, 8), (1, 2, 20, 2, 4))


def test_heads_that_do_not_group_are_refused():
    with pytest.raises(ValueError, match="num_query_heads=5 must be a multiple"):
        Attention(5, 2, 4)


def test_window_counts_the_query_itself():
    seen = numpy(visible_keys(ops.arange(4)[None], 4, window=2))[0, 0]
    assert seen.astype(int).tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]


def test_bias_and_softcap_change_the_scores_as_written():
    query, key, value = normal(2, 3, 6, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 3)
    bias, mask = normal(1, 6, 3, 5), np.ones((2, 1, 3, 5), bool)
    mask[..., 4] = False
    form = dot_product_attention(
        *map(ops.convert_to_tensor, (query, key, value, mask)), scale=0.3, softcap=0.7,
        bias=ops.convert_to_tensor(bias),
    )  # fmt: skip
    for head in range(6):
        scores = query[:, :, head] @ key[:, head // 3].swapaxes(1, 2) * 0.3 + bias[:, head]
        scores = np.where(mask[:, 0], 0.7 * np.tanh(scores / 0.7), -np.inf)
        weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        expected = weights @ value[:, head // 3]
        np.testing.assert_allclose(numpy(form)[..., 3 * head : 3 * head + 3], expected, atol=1e-5)


@pytest.mark.parametrize("each", [True, False])
def test_queries_and_keys_are_normed_before_they_are_rotated(each):
    layer = Attention(
        6, 2, 4, query_norm=RMSNormalization(), key_norm=RMSNormalization(), norm_each_head=each
    )
    inputs = ops.convert_to_tensor(normal(2, 7, 10))
    rope = RotaryAngles(4)(ops.arange(7)[None])
    outputs = numpy(layer(inputs, None, rope))
    assert layer.query_norm.scale.shape == ((4,) if each else (24,))
    query, key = (numpy(part(inputs)) for part in (layer.query, layer.key))

    def normed(x, heads):
        x = x.reshape(2, 7, heads, 4)
        axes = -1 if each else (-2, -1)
        x = x / np.sqrt((x**2).mean(axes, keepdims=True) + 1e-6)
        return rotate(ops.convert_to_tensor(x), rope)

    value = numpy(layer.value(inputs)).reshape(2, 7, 2, 4).swapaxes(1, 2)
    expected = dot_product_attention_reference(
        normed(query, 6), ops.swapaxes(normed(key, 2), 1, 2), ops.convert_to_tensor(value),
        scale=0.5,
    )  # fmt: skip
    expected = numpy(layer.output_projection(expected))
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    again = Attention.from_config(layer.get_config())
    again(inputs)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(numpy(again(inputs, None, rope)), outputs)
