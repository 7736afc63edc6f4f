"""Small causal models whose layers see windows, made of the library's bricks."""

from types import SimpleNamespace

import keras
import numpy as np
from keras import ops

from hornbook.backbones.decoder import Decoder
from hornbook.layers import Attention, FeedForward, ReversibleEmbedding, RotaryAngles
from hornbook.layers.norm import RMSNormalization
from hornbook.layers.positions import AlibiKeys
from hornbook.layers.transformer_layer import TransformerLayer

VOCABULARY = 37


class WindowedModel:
    """A layer for each window, grouped queries, rotary positions or a bias by distance."""

    def __init__(self, windows, *, positions=300, seed=0, alibi=False, plain=False):
        init = keras.initializers.RandomNormal(stddev=0.5, seed=seed)

        def layer(index, window):
            return TransformerLayer(
                Attention(4, 2, 6, window=window, kernel_initializer=init),
                RMSNormalization(),
                FeedForward(24, "silu", gated=True, kernel_initializer=init),
                RMSNormalization(),
                name=f"layers_{index}",
            )

        self.assembly = Decoder(
            token_embedding=ReversibleEmbedding(VOCABULARY, 20, embeddings_initializer=init),
            layers=[layer(index, window) for index, window in enumerate(windows)],
            rotary=None if alibi else RotaryAngles(6, 50.0),
            position_bias=AlibiKeys(4) if alibi else None,
            final_norm=RMSNormalization(),
        )
        inputs = self.assembly.inputs()
        self.whole = keras.Model(inputs, self.assembly.outputs(inputs))
        random = np.random.default_rng(seed)
        for variable in self.whole.variables:
            variable.assign(random.normal(size=variable.shape, scale=0.6).astype("float32"))
        self.variables = self.whole.variables
        self.config = SimpleNamespace(vocabulary_size=VOCABULARY, max_sequence_length=positions)
        self.plain = plain

    @property
    def backbone(self):
        return self

    def cache_slots(self, max_length, ahead=0):
        if self.plain:
            return (max_length,) * len(self.assembly.layers)
        return self.assembly.cache_slots(max_length, ahead)

    def init_cache(self, batch_size, slots):
        return self.assembly.init_cache(batch_size, slots)

    def call_with_cache(self, *arguments):
        return self.assembly.call_with_cache(*arguments)

    def project(self, hidden):
        return self.assembly.token_embedding(hidden, reverse=True)

    def states(self, token_ids):
        """Hidden states of whole sequences, without a cache."""
        return self.whole({"token_ids": token_ids, "padding_mask": ops.ones_like(token_ids)})

    def __call__(self, token_ids):
        return self.project(self.states(token_ids))
