"""Each config field, changed alone, does what it does in the original and survives a save."""

import dataclasses

import pytest

from conformance import originals
from conformance.cases import EXEMPLARY_TASKS, label
from conformance.changes import FIELDS, changed
from conformance.closeness import assert_same_outputs
from conformance.inputs import task_batch
from hornbook.checkpoints.config_map import read_config
from hornbook.layers.activation import ACTIVATIONS

pytestmark = pytest.mark.mechanism

ACTIVE = [
    (case, name)
    for case, field in FIELDS
    if field == "activation" and case in dict(EXEMPLARY_TASKS)
    for name in sorted(ACTIVATIONS)
    if name not in (case.config.activation, changed(case, field).activation)
]


def hold_to_the_original(case, config, folder):
    """Reads a checkpoint of transformers, compares outputs, saves and reads that again."""
    head = case.family.heads[0]
    original = originals.original(case, head.hf_class, config)
    inputs = task_batch(case, head, config=config)
    model = case.task_class(head).from_preset(originals.save(original, folder / "theirs"))
    assert model.backbone.config == config
    theirs = originals.run(original, inputs)
    assert_same_outputs(head, model(inputs), theirs, inputs["padding_mask"])

    model.save_to_preset(folder / "ours")
    written = originals.read_json(folder / "ours" / "config.json")
    assert read_config(written, case.family.config, case.family.config_class) == config


@pytest.mark.parametrize(("case", "field"), FIELDS, ids=label)
def test_a_field(case, field, tmp_path):
    hold_to_the_original(case, changed(case, field), tmp_path)


@pytest.mark.parametrize(("case", "activation"), ACTIVE, ids=label)
def test_an_activation(case, activation, tmp_path):
    hold_to_the_original(case, dataclasses.replace(case.config, activation=activation), tmp_path)
