"""A model with experts trains with the loss that transformers trains it with."""

import dataclasses

import keras
import numpy as np
import pytest
import torch

from conformance import originals
from conformance.cases import CASES, every
from conformance.inputs import batch

pytestmark = pytest.mark.behaviour

WITH_EXPERTS = [case for case in CASES if getattr(case.config, "output_router_logits", False)]


def loss_of_the_original(model, inputs):
    ids, mask = (torch.tensor(inputs[name]).long() for name in ("token_ids", "padding_mask"))
    with torch.no_grad():
        labels = ids.masked_fill(mask == 0, -100)
        return model(input_ids=ids, attention_mask=mask, labels=labels)


@pytest.mark.parametrize("balanced", [True, False])
@every(WITH_EXPERTS)
def test_the_loss_of_a_step(case, balanced, tmp_path):
    changes = {"output_router_logits": balanced, "router_aux_loss_coefficient": 0.5}
    config, head = dataclasses.replace(case.config, **changes), case.family.head("CausalLM")
    original = originals.original(case, head.hf_class, config)
    inputs = batch(case, (9, 12, 1, 5))
    theirs = loss_of_the_original(original, inputs)
    model = case.task_class(head).from_preset(originals.save(original, tmp_path))
    model.compile(optimizer=keras.optimizers.SGD(0.01))
    labels, weights = (np.roll(inputs[name], -1, 1) for name in ("token_ids", "padding_mask"))
    weights[:, -1] = 0
    loss = model.train_on_batch(inputs, labels, weights, return_dict=True)["loss"]
    np.testing.assert_allclose(float(loss), theirs.loss.item(), rtol=1e-5)
    assert (theirs.aux_loss is not None) == balanced
    if balanced:
        assert 0.5 * theirs.aux_loss > 0.1 * theirs.loss  # which rounding could not hide
