"""Hidden states and task outputs are the original's."""

from conformance import originals
from conformance.cases import CASES, HEADS, every, every_head
from conformance.closeness import assert_close, assert_same_outputs
from conformance.inputs import batch


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
    theirs = originals.run(originals.original(case, head.hf_class), inputs)
    assert_same_outputs(head, task(case, head)(inputs), theirs, inputs["padding_mask"])
