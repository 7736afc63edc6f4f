"""Each config field, changed alone, does what it does in the original and survives a save."""

import dataclasses

import pytest

from conformance import originals
from conformance.cases import FIRST_CASES, label
from conformance.changes import FIELDS, changed
from conformance.closeness import as_numpy, assert_same_outputs
from conformance.inputs import batch
from hornbook.layers.activation import ACTIVATIONS

ACTIVE = [
    (case, name)
    for case in FIRST_CASES
    for name in sorted(ACTIVATIONS)
    if name not in (getattr(case.config, "activation", name), changed(case, "activation"))
]


def hold_to_the_original(case, config, folder):
    """Reads a checkpoint of transformers, compares outputs, saves and reads that again."""
    head = case.family.heads[0]
    original = originals.original(case, head.hf_class, config)
    inputs = batch(case)
    model = case.task_class(head).from_preset(originals.save(original, folder / "theirs"))
    assert model.backbone.config == config
    outputs = as_numpy(model(inputs))
    assert_same_outputs(head, outputs, originals.run(original, inputs), inputs["padding_mask"])

    model.save_to_preset(folder / "ours")
    again = case.task_class(head).from_preset(folder / "ours")
    assert again.backbone.config == config
    assert (as_numpy(again(inputs)) == outputs).all()


@pytest.mark.parametrize(("case", "field"), FIELDS, ids=label)
def test_a_field(case, field, tmp_path):
    hold_to_the_original(case, changed(case, field), tmp_path)


@pytest.mark.parametrize(("case", "activation"), ACTIVE, ids=label)
def test_an_activation(case, activation, tmp_path):
    hold_to_the_original(case, dataclasses.replace(case.config, activation=activation), tmp_path)
