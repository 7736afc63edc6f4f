"""Half precision runs and stays close, and nothing is compiled twice for one shape."""

import copy

import keras
import numpy as np
import pytest
import torch

from conformance import originals
from conformance.cases import FIRST_HEADS, HEADS, every_head
from conformance.closeness import as_numpy, real, task_outputs
from conformance.inputs import batch
from conformance.test_training import DATA
from conformance.vocabularies import with_tokenizer

TIMES = 2
"""How much further from float32 the mean may be than transformers' is in half precision."""

POLICIES = pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16"])


@POLICIES
@every_head(HEADS)
def test_half_precision_stays_as_close_as_the_original(case, head, policy, checkpoint):
    model = case.task_class(head).from_preset(checkpoint(case, head.hf_class), dtype=policy)
    expected = "bfloat16" if policy == "bfloat16" else "float32"
    for variable in model.trainable_variables:
        assert keras.backend.standardize_dtype(variable.dtype) == expected, variable.path
    inputs = batch(case)
    outputs = model(inputs)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"

    original = originals.original(case, head.hf_class)
    half = copy.deepcopy(original).to(torch.bfloat16)
    theirs, theirs_in_half = (
        task_outputs(head, originals.run(m, inputs), inputs["padding_mask"])
        for m in (original, half)
    )
    where = real(head, inputs["padding_mask"])
    where = np.ones(outputs.shape[:-1], bool) if where is None else where.astype(bool)
    error, their_error = (
        np.abs(as_numpy(values) - theirs)[where] for values in (outputs, theirs_in_half)
    )
    assert 0 < error.mean() <= TIMES * their_error.mean()
    assert error.max() <= 2 * TIMES * their_error.max()


@every_head(FIRST_HEADS)
def test_mixed_precision_trains(case, head):
    # In pure bfloat16 Adam doesn't: 0.999 becomes 1, and with it the step 0.
    keras.utils.set_random_seed(0)
    model = with_tokenizer(case, head, dtype="mixed_bfloat16")
    x, y = DATA[head.task](model)
    model.optimizer.learning_rate = 0.01
    arguments = {"batch_size": 3, "epochs": 3, "verbose": 0, "preflight": False}  # cuts texts
    losses = model.fit(x, y, **arguments).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


@POLICIES
@every_head(FIRST_HEADS)
def test_the_policy_survives_serialization(case, head, policy):
    backbone = case.backbone_class(**vars(case.config), dtype=policy)
    model = case.task_class(head)(backbone)
    again = type(model).from_config(model.get_config())
    assert [v.dtype for v in again.variables] == [v.dtype for v in model.variables]
    assert {brick.dtype_policy.name for brick in bricks(again)} == {policy}
    assert keras.config.dtype_policy().name == "float32"


def bricks(model):
    """The layers that a model computes with."""
    return [layer for layer in model._flatten_layers() if layer.variables and layer is not model]


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch compiles nothing here")
@every_head(FIRST_HEADS)
def test_a_shape_is_traced_once(case, head):
    model = case.task_class(head)(case.backbone_class(**vars(case.config)))
    layer, traced = model.backbone.assembly.layers[0], []
    call = layer.call
    layer.call = lambda *args: traced.append(len(args)) or call(*args)
    counts = []
    for lengths, seed in [((5, 8), 0), ((8, 2), 1), ((3, 8), 2), ((5, 9), 0), ((9, 1), 1)]:
        model.predict(batch(case, lengths, seed), verbose=0)
        counts.append(len(traced))
    first, again, third, longer, last = counts
    assert first == again == third
    assert longer == last <= 2 * first
