"""Random choices of tokens, made in all rows at once."""

import numpy as np

from hornbook.preprocessing.token_rows import TokenRows


def generator(seed: int | None) -> np.random.Generator:
    """A random generator; without a seed, one that `keras.utils.set_random_seed` determines."""
    return np.random.default_rng(np.random.randint(2**31) if seed is None else seed)


def choose(
    rng: np.random.Generator, rows: TokenRows, candidates: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Chooses tokens of each row, every set of them equally likely.

    Args:
        rng: where randomness comes from.
        rows: the tokens.
        candidates: which tokens may be chosen, [tokens].
        counts: how many to choose of each row, [rows]; where it has fewer candidates, all of them.

    Returns:
        Which tokens are chosen, [tokens].
    """
    # A row's candidates in random order, and behind them its other tokens: the first ones win.
    keys = rows.row_ids + np.where(candidates, rng.random(len(rows.values)) / 2, 0.75)
    chosen = np.zeros(len(rows.values), dtype=bool)
    chosen[np.argsort(keys)] = rows.positions < counts[rows.row_ids]
    return chosen & candidates


def draw_counts(
    rng: np.random.Generator, available: np.ndarray, rate: float, most: int | None
) -> np.ndarray:
    """How many of each row's available tokens a rate hits, [rows]; never more than `most`."""
    counts = rng.binomial(available, rate)
    return counts if most is None else np.minimum(counts, most)
