"""Labels go from transformers' checkpoints to ours and back, as many as there are."""

import pytest
import transformers

from conformance import originals
from conformance.cases import FIRST_HEADS, every_head
from conformance.closeness import as_numpy, assert_same_outputs
from conformance.inputs import task_batch
from hornbook.families.classes import task_class
from hornbook.tasks.labelled_task import LabelledTask

pytestmark = pytest.mark.mechanism

LABELS = ("sheet", "of", "horn")
LABELLED = [
    (case, head)
    for case, head in FIRST_HEADS
    if issubclass(task_class(case.family, head.task), LabelledTask)
]


@every_head(LABELLED)
def test_labels_are_kept_both_ways(case, head, tmp_path):
    raw = {**originals.config_json(case), "id2label": dict(enumerate(LABELS))}
    raw["label2id"] = {label: index for index, label in raw["id2label"].items()}
    theirs = getattr(transformers, head.hf_class)(originals.original_config(raw)).eval()
    ours = case.task_class(head).from_preset(originals.save(theirs, tmp_path / "theirs"))
    assert ours.labels == LABELS
    inputs = task_batch(case, head)
    outputs = ours(inputs)
    assert outputs.shape[-1] == 3
    assert_same_outputs(head, outputs, originals.run(theirs, inputs), inputs["padding_mask"])

    ours.save_to_preset(tmp_path / "ours")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "ours")
    assert (config.num_labels, config.id2label) == (3, dict(enumerate(LABELS)))
    assert config.label2id == raw["label2id"]
    again = case.task_class(head).from_preset(tmp_path / "ours")
    assert again.labels == LABELS
    assert (as_numpy(again(inputs)) == as_numpy(outputs)).all()
