"""When two models are taken to compute the same."""

from typing import Any

import keras
import numpy as np
import torch

from hornbook.families.family import Head

TOLERANCE = 1e-4
"""The greatest difference allowed, as a share of the original's greatest absolute value."""


def assert_close(ours: Any, theirs: Any, where: Any = None, tolerance: float = TOLERANCE) -> None:
    """Holds ours equal to theirs where `where` is true, and finite everywhere."""
    ours, theirs = as_numpy(ours), as_numpy(theirs)
    assert ours.shape == theirs.shape
    assert np.isfinite(ours).all()
    difference, scale = np.abs(ours - theirs), np.abs(theirs).max()
    if where is not None:
        difference = difference[np.asarray(where, bool)]
    assert difference.max() <= tolerance * scale


def as_numpy(values: Any) -> np.ndarray:
    """A tensor of any backend, or an array, as float32."""
    if isinstance(values, torch.Tensor):
        return values.detach().float().numpy()
    return keras.ops.convert_to_numpy(keras.ops.cast(values, "float32"))


def assert_same_outputs(head: Head, ours: Any, theirs: Any, padding_mask: np.ndarray) -> None:
    """Holds a task's outputs equal to what the original gives, at real positions."""
    ORACLES[head.task](ours, theirs, padding_mask)


def _same_logits(ours: Any, theirs: Any, padding_mask: np.ndarray) -> None:
    assert_close(ours, theirs.logits, padding_mask)


def _same_embeddings(ours: Any, theirs: Any, padding_mask: np.ndarray) -> None:
    """The mean over real tokens at length 1, as sentence-transformers makes it."""
    weights = torch.tensor(padding_mask)[:, :, None]
    mean = (theirs.last_hidden_state * weights).sum(1) / weights.sum(1)
    assert_close(ours, torch.nn.functional.normalize(mean, dim=1))


ORACLES = {"CausalLM": _same_logits, "TextEmbedder": _same_embeddings}
