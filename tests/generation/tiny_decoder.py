"""A small causal model, the engine's dummy: of the library it uses the K/V write alone."""

from types import SimpleNamespace

import keras
import numpy as np
from keras import ops

from hornbook.layers.kv_cache import write_kv


class TinyDecoder:
    """Two layers, learned positions, grouped queries; weights are plain variables."""

    def __init__(self, vocabulary_size=37, max_sequence_length=300, num_layers=2, seed=0):
        self.heads, self.kv_heads, self.head_dim = 4, 2, 6
        self.config = SimpleNamespace(
            vocabulary_size=vocabulary_size, max_sequence_length=max_sequence_length
        )
        self.random = np.random.default_rng(seed)
        width = self.width = 20
        self.variables = []
        self.tokens = self.weight(vocabulary_size, width)
        self.places = self.weight(max_sequence_length, width)
        kv_width = self.kv_heads * self.head_dim
        self.layers = [
            (
                self.weight(width, self.heads * self.head_dim),
                self.weight(width, kv_width),
                self.weight(width, kv_width),
                self.weight(self.heads * self.head_dim, width),
                self.weight(width, 2 * width),
                self.weight(2 * width, width),
            )
            for _ in range(num_layers)
        ]

    def weight(self, *shape):
        value = self.random.normal(size=shape, scale=0.7).astype("float32")
        variable = keras.Variable(value)
        self.variables.append(variable)
        return variable

    def cache_slots(self, max_length, ahead=0):
        return (max_length,) * len(self.layers)

    def init_cache(self, batch_size, slots):
        shapes = [(batch_size, self.kv_heads, size, self.head_dim) for size in slots]
        return tuple((ops.zeros(shape), ops.zeros(shape)) for shape in shapes)

    def call_with_cache(self, token_ids, cache, positions, lengths=None):
        batch, length = token_ids.shape
        positions = ops.zeros((batch,), "int32") if positions is None else positions
        places = positions[:, None] + ops.arange(length, dtype="int32")
        x = ops.take(self.tokens, token_ids, axis=0) + ops.take(self.places, places, axis=0)
        slots = ops.arange(cache[0][0].shape[2], dtype="int32")
        visible = (slots <= places[:, :, None])[:, None, None]
        new_cache = []
        for (query, key, value, out, up, down), (keys, values) in zip(
            self.layers, cache, strict=True
        ):
            h = norm(x)
            group = self.heads // self.kv_heads
            q = ops.reshape(h @ query.value, (batch, length, self.kv_heads, group, self.head_dim))
            k, v = (
                ops.transpose(
                    ops.reshape(h @ w.value, (batch, length, self.kv_heads, self.head_dim)),
                    (0, 2, 1, 3),
                )
                for w in (key, value)
            )
            keys, values = write_kv(keys, k, positions), write_kv(values, v, positions)
            new_cache.append((keys, values))
            scores = ops.einsum("btkgd,bksd->bkgts", q, keys) / self.head_dim**0.5
            weights = ops.softmax(ops.where(visible, scores, -1e9), axis=-1)
            h = ops.einsum("bkgts,bksd->btkgd", weights, values)
            x = x + ops.reshape(h, (batch, length, -1)) @ out.value
            x = x + ops.tanh(norm(x) @ up.value) @ down.value
        return norm(x), tuple(new_cache)


class TinyModel:
    """The decoder with a head tied to its embedding."""

    def __init__(self, **sizes):
        self.backbone = TinyDecoder(**sizes)
        self.variables = self.backbone.variables

    def project(self, hidden):
        return hidden @ ops.transpose(self.backbone.tokens.value)

    def __call__(self, token_ids):
        """Logits of whole sequences [batch, length], from an empty cache each time."""
        return self.project(self.states(token_ids))

    def states(self, token_ids):
        """Hidden states of whole sequences."""
        batch, length = token_ids.shape
        cache = self.backbone.init_cache(batch, self.backbone.cache_slots(length))
        return self.backbone.call_with_cache(token_ids, cache, None)[0]


def norm(x):
    return x / ops.sqrt(ops.mean(x * x, axis=-1, keepdims=True) + 1e-5)
