"""Samplers of a user's own, as those written for KerasNLP may be."""

import keras
import numpy as np
from keras import ops

from hornbook import samplers


class NotForXLA(samplers.Sampler):
    """Uses an operation that XLA has no code for."""

    def get_next_token(self, probabilities):
        import tensorflow as tf

        best = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        return tf.strings.to_number(tf.strings.as_string(best), tf.int32)


class OwnChance(samplers.Sampler):
    """Draws its own random numbers."""

    def __init__(self, seed):
        super().__init__()
        self.own_generator = keras.random.SeedGenerator(seed)

    def get_next_token(self, probabilities):
        flat = ops.ones_like(probabilities)
        return keras.random.categorical(ops.log(flat), 1, seed=self.own_generator)[:, 0]


class SharedChance(samplers.Sampler):
    """Draws with the generator that every sampler has."""

    def get_next_token(self, probabilities):
        flat = ops.zeros_like(probabilities)
        return keras.random.categorical(flat, 1, seed=self.seed_generator)[:, 0]


def assert_moves_on(engine, kind):
    sampler = kind(seed=2)
    rows = [
        engine.generate([[1]], [1], limits=60, sampler=sampler).token_ids[0, 1:] for _ in range(2)
    ]
    assert all(len(np.unique(row)) > 15 for row in rows)  # it moves on from token to token
    assert not np.array_equal(*rows)  # and from call to call
    again = engine.generate([[1]], [1], limits=60, sampler=kind(seed=2)).token_ids[0, 1:]
    np.testing.assert_array_equal(again, rows[0])
