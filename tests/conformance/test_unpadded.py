"""Encoders compute each row as if it stood alone, and on torch nothing for padding."""

import keras
import numpy as np
import pytest

from conformance.cases import CASES, every
from conformance.closeness import as_numpy, assert_close
from conformance.inputs import batch
from hornbook.layers.unpadding import UnpaddedRows

pytestmark = pytest.mark.mechanism

ENCODERS = [case for case in CASES if not case.is_decoder]
UNPADDED = [case for case in ENCODERS if case.family.build(case.config).can_unpad]
LENGTHS = (1, 11, 7, 2, 7)
ON_TORCH = pytest.mark.backends("torch")  # elsewhere programs have fixed shapes


def on_the_left(inputs):
    return {name: np.flip(values, 1) for name, values in inputs.items()}


def inside(inputs):
    real = np.random.default_rng(0).random(inputs["padding_mask"].shape) < 0.7
    real[:, 0] = True
    return {**inputs, "padding_mask": real.astype("int32")}


def without_unpadding(model, inputs, monkeypatch):
    layer = model.get_layer("unpadding")
    with monkeypatch.context() as patch:
        patch.setattr(layer, "call", lambda tokens, padding_mask: (tokens, padding_mask))
        return states(model(inputs))


def tells_places_by_tokens(assembly):
    return assembly.position_embedding is None or not assembly.counts_padding


def states(outputs):
    return as_numpy(outputs["sequence_output"] if isinstance(outputs, dict) else outputs)


@every(UNPADDED)
def test_each_row_is_as_if_alone(case, backbone):
    model, inputs = backbone(case), batch(case, LENGTHS)
    together = model(inputs)
    for row, length in enumerate(LENGTHS):
        alone = model({name: values[row : row + 1, :length] for name, values in inputs.items()})
        assert_close(states(together)[row, :length], states(alone)[0])
        if "pooled_output" in alone:
            assert_close(together["pooled_output"][row], alone["pooled_output"][0])


@every([case for case in UNPADDED if tells_places_by_tokens(case.family.build(case.config))])
def test_each_row_is_as_if_alone_behind_its_padding(case, backbone):
    model, inputs = backbone(case), batch(case, LENGTHS)
    together = states(model(on_the_left(inputs)))
    for row, length in enumerate(LENGTHS):
        alone = {name: values[row : row + 1, :length] for name, values in inputs.items()}
        assert_close(together[row, -length:], states(model(on_the_left(alone)))[0])


@ON_TORCH
@every(UNPADDED)
@pytest.mark.parametrize("place", [dict, on_the_left, inside], ids=lambda place: place.__name__)
def test_padding_may_stand_anywhere(case, place, backbone, monkeypatch):
    model, inputs = backbone(case), place(batch(case, LENGTHS))
    ours, real = states(model(inputs)), inputs["padding_mask"]
    assert_close(ours, without_unpadding(model, inputs, monkeypatch), real)
    assert (ours[real == 0] == 0).all()


@ON_TORCH
@every(UNPADDED)
def test_nothing_is_computed_for_padding(case, monkeypatch):
    model, inputs = case.backbone_class(**vars(case.config)), batch(case, LENGTHS)
    seen, lengths = set(), set()
    for layer in {id(layer): layer for layer in model.assembly.layers}.values():
        call = layer.feed_forward.call
        layer.feed_forward.call = lambda x, call=call: seen.add(tuple(x.shape[:2])) or call(x)
    attend = UnpaddedRows.attend

    def note(self, query, *others):
        lengths.add(self.groups)
        return attend(self, query, *others)

    monkeypatch.setattr(UnpaddedRows, "attend", note)
    model(inputs)
    assert seen == {(1, sum(LENGTHS))}
    assert lengths == {((1, 1), (1, 2), (2, 7), (1, 11))}


@ON_TORCH
@every(UNPADDED[:1])
def test_rows_without_a_token_are_finite(case, backbone):
    inputs = batch(case, LENGTHS)
    inputs["padding_mask"][1] = 0
    assert np.isfinite(states(backbone(case)(inputs))).all()
    inputs["padding_mask"][:] = 0
    assert np.isfinite(states(backbone(case)(inputs))).all()


@ON_TORCH
@every(UNPADDED)
def test_gradients_are_those_of_padded_rows(case, monkeypatch):
    model, inputs = case.backbone_class(**vars(case.config)), batch(case, LENGTHS)
    real = keras.ops.convert_to_tensor(inputs["padding_mask"][..., None], "float32")

    def gradients():
        outputs = model(inputs)
        outputs = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
        model.zero_grad()
        (outputs * real).square().sum().backward()
        return {
            variable.path: as_numpy(variable.value.grad)
            for variable in model.trainable_variables
            if variable.value.grad is not None
        }

    ours = gradients()
    layer = model.get_layer("unpadding")
    monkeypatch.setattr(layer, "call", lambda tokens, padding_mask: (tokens, padding_mask))
    theirs = gradients()
    assert ours
    assert ours.keys() == theirs.keys()
    scale = max(np.abs(each).max() for each in theirs.values())
    for path, gradient in ours.items():
        assert np.abs(gradient - theirs[path]).max() <= 1e-5 * scale, path
