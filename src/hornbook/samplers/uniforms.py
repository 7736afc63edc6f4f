"""The random numbers of generation: one a row and position, the same on every backend."""

import random

import numpy as np


def row_uniforms(seed: int | None, rows: int, positions: int, first: int = 0) -> np.ndarray:
    """Uniform numbers for sampling, drawn before the loop so that no graph draws any.

    Each row has a stream of its own (Philox, keyed by seed and row): its numbers depend neither on
    the other rows nor on how many positions are asked for.

    Args:
        seed: None draws one from Python's generator, which `keras.utils.set_random_seed` seeds.
        rows: how many sequences there are.
        positions: how many tokens each may have.
        first: the number of the first row, if these are some rows out of many.

    Returns:
        float32 [rows, positions], each in [0, 1).

    Example:
        >>> bool((row_uniforms(7, 3, 9)[:2, :4] == row_uniforms(7, 2, 4)).all())
        True
    """
    seed = random.getrandbits(63) if seed is None else seed % 2**64
    streams = (
        np.random.Generator(np.random.Philox(key=np.array([seed, row], dtype=np.uint64)))
        for row in range(first, first + rows)
    )
    numbers = [stream.random(positions, dtype=np.float32) for stream in streams]
    return np.stack(numbers) if numbers else np.zeros((0, positions), np.float32)
