"""Generation in its plainest form: the whole sequence again for every token, a row at a time."""

import keras
import numpy as np
from keras import ops


def compiled(logits_of):
    """`logits_of` as the backend compiles it; weights are those of the first call."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(logits_of)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(logits_of, autograph=False)
    return logits_of


def generate(logits_of, prompt, limit, stop_token_ids=(), pad_to=64, change=None, masked=False):
    """Takes the likeliest token after `prompt`, over and over.

    Args:
        logits_of: token ids [1, length] to logits [1, length, vocabulary].
        prompt: a list of token ids.
        limit: the length to stop at.
        stop_token_ids: tokens to stop after.
        pad_to: sequences are padded to a multiple of this, for speed alone.
        change: gives new logits [vocabulary] from the logits and the list of tokens so far.
        masked: whether `logits_of` is also given which tokens are no padding.

    Returns:
        The list of token ids, prompt included.
    """
    tokens = list(prompt)
    while len(tokens) < limit:
        padded = np.zeros((1, -(-len(tokens) // pad_to) * pad_to), "int32")
        padded[0, : len(tokens)] = tokens
        real = (np.arange(padded.shape[1]) < len(tokens))[None]
        inputs = map(ops.convert_to_tensor, (padded, real) if masked else (padded,))
        logits = ops.convert_to_numpy(logits_of(*inputs))
        logits = logits[0, len(tokens) - 1]
        tokens.append(int(np.argmax(logits if change is None else change(logits, tokens))))
        if tokens[-1] in stop_token_ids:
            break
    return tokens
