"""Hidden states and task outputs are the original's."""

import pytest

from conformance import originals
from conformance.cases import CASES, HEADS, every, every_head
from conformance.closeness import assert_close, assert_same_outputs
from conformance.inputs import batch, task_batch

pytestmark = pytest.mark.parity


@every(CASES)
def test_hidden_states(case, backbone):
    inputs = batch(case)
    ours = backbone(case)(inputs)
    theirs = originals.run(originals.original(case, case.family.hf_class), inputs)
    if case.is_decoder:
        assert_close(ours, theirs.last_hidden_state, inputs["padding_mask"])
    else:
        assert_close(ours["sequence_output"], theirs.last_hidden_state, inputs["padding_mask"])
        pooled = theirs.get("pooler_output")
        assert ("pooled_output" in ours) == (pooled is not None)
        if pooled is not None:
            assert_close(ours["pooled_output"], pooled)


@every([case for case in CASES if getattr(case.config, "rope_scaling", None)])
def test_rows_longer_than_the_model_was_trained_on(case, backbone):
    # Whatever the rotation makes of the length it makes of the longest row, so that there is one.
    inputs = batch(case, (case.config.max_sequence_length + 7,))
    theirs = originals.run(originals.original(case, case.family.hf_class), inputs)
    assert_close(backbone(case)(inputs), theirs.last_hidden_state)


@every_head(HEADS)
def test_task_outputs(case, head, task):
    inputs = task_batch(case, head)
    theirs = originals.run(originals.original(case, head.hf_class), inputs)
    assert_same_outputs(head, task(case, head)(inputs), theirs, inputs["padding_mask"])
