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
    ours, theirs = by_name(head, ours), task_outputs(head, theirs, padding_mask)
    assert ours.keys() == theirs.keys()
    for name, output in ours.items():
        assert_close(output, theirs[name], real(name, padding_mask))


def by_name(head: Head, outputs: Any) -> dict[str, Any]:
    """A task's outputs by their names; a single one has the task's."""
    return outputs if isinstance(outputs, dict) else {head.task: outputs}


def task_outputs(head: Head, theirs: Any, padding_mask: np.ndarray) -> dict[str, np.ndarray]:
    """What a task gives, by name, from the outputs of transformers' model."""
    oracle = _ORACLES[head.task]
    if head.task == "TextEmbedder" and head.layers is not None and head.layers.pooling == "last":
        oracle = _last_states
    outputs = by_name(head, oracle(theirs, torch.tensor(padding_mask)))
    return {name: as_numpy(output) for name, output in outputs.items()}


def real(name: str, padding_mask: np.ndarray) -> np.ndarray | None:
    """Where an output counts: at real tokens, or everywhere if there is one for a text."""
    if name == "QuestionAnswering":
        return np.stack([padding_mask, padding_mask], axis=1)
    return padding_mask if name in OF_TOKENS else None


def _logits(theirs: Any, padding_mask: torch.Tensor) -> torch.Tensor:
    return theirs.logits


def _pretraining_logits(theirs: Any, padding_mask: torch.Tensor) -> dict[str, torch.Tensor]:
    following = theirs.get("seq_relationship_logits", theirs.get("sop_logits"))
    return {"masked_lm": theirs.prediction_logits, "next_sentence": following}


def _last_states(theirs: Any, padding_mask: torch.Tensor) -> torch.Tensor:
    """The last real token's state at length 1, likewise."""
    last = padding_mask.sum(1) - 1
    states = theirs.last_hidden_state[torch.arange(len(last)), last]
    return torch.nn.functional.normalize(states, dim=1)


def _embeddings(theirs: Any, padding_mask: torch.Tensor) -> torch.Tensor:
    """The mean over real tokens at length 1, as sentence-transformers makes it."""
    weights = padding_mask[:, :, None]
    mean = (theirs.last_hidden_state * weights).sum(1) / weights.sum(1)
    return torch.nn.functional.normalize(mean, dim=1)


def _span_logits(theirs: Any, padding_mask: torch.Tensor) -> torch.Tensor:
    return torch.stack([theirs.start_logits, theirs.end_logits], dim=1)


_ORACLES = {
    "CausalLM": _logits,
    "MaskedLM": _logits,
    "MaskedLMAndNextSentence": _pretraining_logits,
    "MultipleChoice": _logits,
    "NextSentencePredictor": _logits,
    "QuestionAnswering": _span_logits,
    "ReplacedTokenDetector": _logits,
    "TextClassifier": _logits,
    "TextEmbedder": _embeddings,
    "TokenClassifier": _logits,
}
"""What transformers' outputs hold of each task's, given the padding mask."""

OF_TOKENS = {"CausalLM", "MaskedLM", "ReplacedTokenDetector", "TokenClassifier", "masked_lm"}
"""Outputs that there is one of for each token."""
