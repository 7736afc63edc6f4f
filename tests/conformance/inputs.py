"""Batches of random token ids with ragged padding."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from conformance.cases import Case
from hornbook.families.family import Head
from hornbook.families.registry import families

LENGTHS = (1, 11, 7, 2)
"""One token alone, a full row, and two in between."""


def batch(
    case: Case, lengths: tuple[int, ...] = LENGTHS, seed: int = 0, config: Any = None
) -> dict[str, Any]:
    """Inputs of the case's backbone, or of one of another config, right-padded: [rows, longest]."""
    config = config or case.config
    generator = np.random.default_rng(seed)
    longest = max(lengths)
    mask = (np.arange(longest) < np.array(lengths)[:, None]).astype("int32")
    # Padding is random tokens too: whatever stands there must not matter.
    shape = (len(lengths), longest)
    ids = generator.integers(0, case.config.vocabulary_size, shape).astype("int32")
    if not _assembly(case.family_name, config).counts_padding:
        # The original takes a token for padding by its id.
        ids[(ids == config.pad_token_id) & (mask == 1)] = 0 if config.pad_token_id else 1
    made = {"token_ids": ids, "padding_mask": mask}
    if (segments := getattr(config, "num_segments", 0)) > 1:
        made["segment_ids"] = generator.integers(0, segments, shape).astype("int32")
    if "global_positions" in _assembly(case.family_name, config).inputs():
        made["global_positions"] = _some_positions(lengths)
    return made


def _some_positions(lengths: tuple[int, ...]) -> np.ndarray:
    """The first position of every other row, with another one where there is one."""
    positions = np.full((len(lengths), 2), -1, "int32")
    positions[1::2, 0] = 0
    positions[1::2, 1] = [length // 2 if length > 1 else -1 for length in lengths[1::2]]
    return positions


@cache
def _assembly(family_name: str, config: Any) -> Any:
    return families()[family_name].build(config)


def task_batch(
    case: Case,
    head: Head,
    lengths: tuple[int, ...] = LENGTHS,
    seed: int = 0,
    config: Any = None,
) -> dict[str, Any]:
    """Inputs of one of the case's tasks, made of those of its backbone."""
    made = batch(case, lengths, seed, config)
    return INPUTS[head.task](made) if head.task in INPUTS else made


def _at_every_position(made: dict[str, Any]) -> dict[str, Any]:
    rows, length = made["token_ids"].shape
    return {**made, "mask_positions": np.tile(np.arange(length, dtype="int32"), (rows, 1))}


def _as_choices(made: dict[str, Any]) -> dict[str, Any]:
    """Each row beside the next one: two choices a row."""
    return {name: np.stack([rows, np.roll(rows, 1, 0)], 1) for name, rows in made.items()}


INPUTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "MaskedLM": _at_every_position,
    "MaskedLMAndNextSentence": _at_every_position,
    "MultipleChoice": _as_choices,
}
"""What makes a task's inputs of a backbone's, where they are others."""
