"""How alike vectors are, by the names that sentence-transformers has for it."""

from collections.abc import Callable
from typing import Literal

import numpy as np

Similarity = Literal["cosine", "dot", "euclidean", "manhattan"]


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _unit(a) @ _unit(b).T


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a @ b.T


def _euclidean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(-np.sqrt(np.maximum(squares, 0)))


def _manhattan(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # A row at a time: all differences at once would be [n, m, features].
    return np.stack([-np.abs(row - b).sum(1) for row in a])


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))


SIMILARITIES: dict[Similarity, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "cosine": _cosine,
    "dot": _dot,
    "euclidean": _euclidean,
    "manhattan": _manhattan,
}
"""Each takes [n, features] and [m, features], and gives [n, m]; greater is more alike."""
