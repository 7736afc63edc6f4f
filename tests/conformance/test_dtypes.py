"""Half precision runs and stays close, and nothing is compiled twice for one shape."""

import keras
import numpy as np
import pytest

from conformance import originals
from conformance.cases import EACH_ONCE, EXEMPLARY_TASKS, every_head
from conformance.closeness import as_numpy, by_name, real, task_outputs
from conformance.inputs import task_batch
from conformance.test_training import DATA
from conformance.vocabularies import with_tokenizer

pytestmark = pytest.mark.mechanism

TIMES = 2
"""How much further from float32 the mean may be than transformers' is in half precision."""

POLICIES = pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16"])


@pytest.mark.behaviour
@POLICIES
@every_head(EACH_ONCE)
def test_half_precision_stays_as_close_as_the_original(case, head, policy, checkpoint):
    model = case.task_class(head).from_preset(checkpoint(case, head.hf_class), dtype=policy)
    expected = "bfloat16" if policy == "bfloat16" else "float32"
    for variable in model.trainable_variables:
        assert keras.backend.standardize_dtype(variable.dtype) == expected, variable.path
    inputs = task_batch(case, head)
    outputs = by_name(head, model(inputs))
    for output in outputs.values():
        assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"

    original = originals.original(case, head.hf_class)
    half = originals.in_half_precision(original)
    theirs, theirs_in_half = (
        task_outputs(head, originals.run(m, inputs), inputs["padding_mask"])
        for m in (original, half)
    )
    for name, output in outputs.items():
        where = real(name, inputs["padding_mask"])
        where = ... if where is None else where.astype(bool)
        error, their_error = (
            np.abs(as_numpy(values) - theirs[name])[where]
            for values in (output, theirs_in_half[name])
        )
        assert 0 < error.mean() <= TIMES * their_error.mean()
        assert error.max() <= 2 * TIMES * their_error.max()


@every_head(EACH_ONCE)
def test_mixed_precision_trains(case, head):
    # In pure bfloat16 Adam doesn't: 0.999 becomes 1, and with it the step 0.
    keras.utils.set_random_seed(0)
    without_dropout = {name: 0.0 for name in vars(case.config) if "dropout" in name}
    model = with_tokenizer(case, head, dtype="mixed_bfloat16", **without_dropout)
    x, y = DATA[head.task](model)
    model.optimizer.learning_rate = 0.003
    arguments = {"batch_size": 64, "epochs": 4, "verbose": 0, "preflight": False}  # cuts texts
    losses = model.fit(x, y, **arguments).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


@POLICIES
@every_head(EACH_ONCE)
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


@pytest.mark.backends("jax", "tensorflow")  # torch compiles nothing here
@every_head(EXEMPLARY_TASKS)
def test_a_shape_is_traced_once(case, head):
    model = case.task_class(head)(case.backbone_class(**vars(case.config)))
    layer, traced = model.backbone.assembly.layers[0], []
    call = layer.call
    layer.call = lambda *args, **options: traced.append(0) or call(*args, **options)
    counts = []
    for lengths, seed in [((5, 8), 0), ((8, 2), 1), ((3, 8), 2), ((5, 9), 0), ((9, 1), 1)]:
        model.predict(task_batch(case, head, lengths, seed), verbose=0)
        counts.append(len(traced))
    first, again, third, longer, last = counts
    assert first == again == third
    assert longer == last <= 2 * first
