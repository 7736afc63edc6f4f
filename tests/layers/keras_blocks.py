"""The blocks again, of Keras's own layers with the weights of ours: what tests compare with."""

import keras
import numpy as np
from keras import ops


def attention(ours, query, value, mask):
    heads, width = ours.num_query_heads, ours.head_dim
    layer = keras.layers.MultiHeadAttention(
        heads, width, value_dim=ours.value_head_dim, output_shape=ours.output_projection.units
    )
    layer.build(query.shape, value.shape)

    def split(linear):
        kernel = ops.convert_to_numpy(linear.kernel).T
        return [kernel.reshape(len(kernel), heads, -1), bias(linear).reshape(heads, -1)]

    output = ops.convert_to_numpy(ours.output_projection.kernel).T
    layer.set_weights([
        *split(ours.query), *split(ours.key), *split(ours.value),
        output.reshape(heads, -1, output.shape[-1]), bias(ours.output_projection),
    ])  # fmt: skip
    # With the scores, it is computed as it is written, by no fused call of a backend.
    return layer(query, value, attention_mask=mask, return_attention_scores=True)[0]


def bias(linear):
    return ops.convert_to_numpy(linear.bias)


def norm(ours, x):
    layer = keras.layers.LayerNormalization(epsilon=ours.epsilon)
    layer.build(x.shape)
    layer.set_weights([ops.convert_to_numpy(ours.scale), ops.convert_to_numpy(ours.bias)])
    return layer(x)


def feed_forward(ours, x, activation):
    for linear, function in ((ours.up, activation), (ours.down, None)):
        dense = keras.layers.Dense(linear.units, activation=function)
        dense.build(x.shape)
        dense.set_weights([ops.convert_to_numpy(linear.kernel).T, bias(linear)])
        x = dense(x)
    return x


def block(ours, x, mask, memory=None, memory_mask=None):
    """`x` [batch, length, features] through a block; masks are bool [batch, queries, keys]."""
    layer, first = ours.layer, ours.normalize_first
    x = ops.convert_to_tensor(x)
    parts = [
        (layer.attention_norm, lambda y: attention(layer.attention, y, y, mask)),
        (
            layer.cross_attention_norm,
            lambda y: attention(layer.cross_attention, y, memory, memory_mask),
        ),
        (layer.feed_forward_norm, lambda y: feed_forward(layer.feed_forward, y, ours.activation)),
    ]
    for normed, part in parts if memory is not None else (parts[0], parts[2]):
        x = x + part(norm(normed, x)) if first else norm(normed, x + part(x))
    return ops.convert_to_numpy(x)


def randomize(layer, seed=0):
    """Gives every weight a value of its own: fresh biases and norms would hide mistakes."""
    generator = np.random.default_rng(seed)
    layer.set_weights([generator.normal(0.3, 0.4, w.shape).astype("f4") for w in layer.weights])
