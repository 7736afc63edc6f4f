"""Each config field, changed alone, does what it does in the original and survives a save."""

import dataclasses
from types import NoneType

import pytest

from conformance import originals
from conformance.cases import EXEMPLARY_TASKS, label
from conformance.changes import FIELDS, changed, kinds_of
from conformance.closeness import assert_same_outputs
from conformance.inputs import task_batch
from hornbook.checkpoints.config_map import read_config
from hornbook.layers.activation import ACTIVATIONS
from hornbook.layers.rope_scaling import RopeScaling

pytestmark = pytest.mark.mechanism

ACTIVE = [
    (case, name)
    for case, field in FIELDS
    if field == "activation" and case in dict(EXEMPLARY_TASKS)
    for name in sorted(ACTIVATIONS)
    if name not in (case.config.activation, changed(case, field)[0].activation)
]


def can_be_none(case, field):
    """Whether None is a value of its own, and not for another one that takes its place."""
    if NoneType not in kinds_of(case, field):
        return False
    configs = (*case.family.tiny.values(), *changed(case, field))
    return any(getattr(config, field) is None for config in configs)


SWITCHES = [
    (case, field)
    for case, field in FIELDS
    # Token ids change nothing here, and scaling has tests of its own.
    if not field.endswith("token_id") and RopeScaling not in kinds_of(case, field)
    if bool in kinds_of(case, field) or can_be_none(case, field)
]
"""Fields that turn a part of a model on and off."""


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
    for index, config in enumerate(changed(case, field)):
        hold_to_the_original(case, config, tmp_path / str(index))


@pytest.mark.parametrize(("case", "activation"), ACTIVE, ids=label)
def test_an_activation(case, activation, tmp_path):
    hold_to_the_original(case, dataclasses.replace(case.config, activation=activation), tmp_path)


@pytest.mark.backend_free
@pytest.mark.parametrize(("case", "field"), SWITCHES, ids=label)
def test_a_switch_is_on_in_one_tiny_config_and_off_in_another(case, field):
    values = [getattr(config, field) for config in case.family.tiny.values()]
    off = None if NoneType in kinds_of(case, field) else False
    assert {value == off for value in values} == {True, False}
