"""Hidden states and logits are the original's."""

import keras
import numpy as np
import torch

from conformance import originals
from conformance.cases import CASES, HEADS, every, every_head
from conformance.inputs import batch

TOLERANCE = 1e-4
"""The greatest difference allowed, as a share of the original's greatest absolute value."""


def assert_close(ours, theirs, where=None, tolerance=TOLERANCE):
    ours, theirs = keras.ops.convert_to_numpy(ours), theirs.numpy()
    assert ours.shape == theirs.shape
    difference, scale = np.abs(ours - theirs), np.abs(theirs).max()
    if where is not None:
        difference = difference[where.astype(bool)]
    assert np.isfinite(ours).all()
    assert difference.max() <= tolerance * scale


@every(CASES)
def test_hidden_states(case, backbone):
    inputs = batch(case)
    ours = backbone(case)(inputs)
    theirs = originals.run(originals.original(case, case.family.hf_class), inputs)
    if case.is_decoder:
        assert_close(ours, theirs.last_hidden_state, inputs["padding_mask"])
    else:
        assert_close(ours["sequence_output"], theirs.last_hidden_state, inputs["padding_mask"])
        assert_close(ours["pooled_output"], theirs.pooler_output)


@every_head(HEADS)
def test_task_outputs(case, head, task):
    inputs = batch(case)
    ours = task(case, head)(inputs)
    theirs = originals.run(originals.original(case, head.hf_class), inputs)
    ORACLES[head.task](ours, theirs, inputs["padding_mask"])


def assert_same_logits(ours, theirs, padding_mask):
    assert_close(ours, theirs.logits, padding_mask)


def assert_same_embeddings(ours, theirs, padding_mask):
    """sentence-transformers' mean over real tokens, at length 1."""
    weights = torch.tensor(padding_mask)[:, :, None]
    mean = (theirs.last_hidden_state * weights).sum(1) / weights.sum(1)
    assert_close(ours, torch.nn.functional.normalize(mean, dim=1))


ORACLES = {"CausalLM": assert_same_logits, "TextEmbedder": assert_same_embeddings}
