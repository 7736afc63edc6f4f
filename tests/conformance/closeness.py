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
    assert_close(ours, task_outputs(head, theirs, padding_mask), real(head, padding_mask))


def task_outputs(head: Head, theirs: Any, padding_mask: np.ndarray) -> np.ndarray:
    """What a task gives, from the outputs of transformers' model."""
    return as_numpy(_ORACLES[head.task](theirs, torch.tensor(padding_mask)))


def real(head: Head, padding_mask: np.ndarray) -> np.ndarray | None:
    """Where a task's outputs count: at real tokens, or everywhere if there is one for a text."""
    return padding_mask if head.task == "CausalLM" else None


def _logits(theirs: Any, padding_mask: torch.Tensor) -> torch.Tensor:
    return theirs.logits


def _embeddings(theirs: Any, padding_mask: torch.Tensor) -> torch.Tensor:
    """The mean over real tokens at length 1, as sentence-transformers makes it."""
    weights = padding_mask[:, :, None]
    mean = (theirs.last_hidden_state * weights).sum(1) / weights.sum(1)
    return torch.nn.functional.normalize(mean, dim=1)


_ORACLES = {"CausalLM": _logits, "TextEmbedder": _embeddings}
