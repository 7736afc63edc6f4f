"""Batches of random token ids with ragged padding."""

from typing import Any

import numpy as np

from conformance.cases import Case

LENGTHS = (1, 11, 7, 2)
"""One token alone, a full row, and two in between."""


def batch(case: Case, lengths: tuple[int, ...] = LENGTHS, seed: int = 0) -> dict[str, Any]:
    """Inputs of the case's backbone, right-padded: each [rows, longest]."""
    generator = np.random.default_rng(seed)
    longest = max(lengths)
    mask = (np.arange(longest) < np.array(lengths)[:, None]).astype("int32")
    # Padding is random tokens too: whatever stands there must not matter.
    shape = (len(lengths), longest)
    ids = generator.integers(0, case.config.vocabulary_size, shape).astype("int32")
    made = {"token_ids": ids, "padding_mask": mask}
    if segments := getattr(case.config, "num_segments", 0):
        made["segment_ids"] = generator.integers(0, segments, shape).astype("int32")
    return made
