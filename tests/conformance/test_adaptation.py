"""What changes a model by the names of its bricks applies to every family."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from conformance.cases import CASES, EACH_ONCE, EXEMPLARY_TASKS, FIRST_CASES, every, label
from conformance.closeness import as_numpy, assert_close
from conformance.inputs import batch, task_batch
from hornbook.backbones.adaptation import linear_bricks, quantize
from hornbook.distribution.layout import RULES, _rule
from hornbook.errors import ConfigError

pytestmark = pytest.mark.mechanism

PROGRAM = """
import json, sys, traceback
import jax, keras, numpy as np
from hornbook.distribution import layout_map
from hornbook.models import Backbone

assert len(keras.distribution.list_devices()) == 4

def load(folder, inputs, distribution):
    keras.distribution.set_distribution(distribution)
    model = Backbone.from_preset(folder)
    kinds = model.trainable_variables, model.non_trainable_variables
    values = [[variable.value for variable in variables] for variables in kinds]
    outputs, _ = jax.jit(model.stateless_call)(*values, inputs)
    outputs = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
    return model, keras.ops.convert_to_numpy(outputs)

def check(folder, inputs):
    inputs = {name: np.array(values) for name, values in inputs.items()}
    alone, expected = load(folder, inputs, None)
    mesh = keras.distribution.DeviceMesh((2, 2), ("batch", "model"))
    layouts = layout_map(mesh, alone.variables)
    split, outputs = load(
        folder,
        inputs,
        keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch"),
    )
    found = {v.path.rpartition("/")[0].rpartition("/")[2]: v for v in split.variables
             if v.path.endswith("/kernel")}
    kernel = found.get("up", found.get("query"))  # without "up" where all layers have experts
    assert {s.data.shape[0] for s in kernel.value.addressable_shards} == {kernel.shape[0] // 2}
    np.testing.assert_allclose(outputs, expected, atol=1e-5 * abs(expected).max())

for line in sys.stdin:
    try:
        check(*json.loads(line))
        answer = "the same"
    except Exception:
        answer = traceback.format_exc()
    print(json.dumps(answer), flush=True)
"""


def outputs_of(model, inputs):
    outputs = model(inputs)
    return as_numpy(outputs["sequence_output"] if isinstance(outputs, dict) else outputs)


def fresh(case):
    return case.backbone_class(**vars(case.config))


@every(FIRST_CASES)
def test_lora_starts_at_the_model_and_is_all_that_trains(case):
    model, inputs = fresh(case), batch(case)
    before = outputs_of(model, inputs)
    model.enable_lora(rank=2)
    # Not to the bit: torch chooses another form of attention where a bias of scores is frozen.
    assert_close(outputs_of(model, inputs), before, tolerance=1e-5)
    assert {variable.name for variable in model.trainable_variables} == {"lora_a", "lora_b"}
    assert len(model.trainable_variables) == 2 * 2 * len(set(model.assembly.layers))
    with pytest.raises(ValueError, match="No brick is named abacus"):
        fresh(case).enable_lora(rank=2, targets=("abacus",))


@every(FIRST_CASES)
def test_lora_learns(case):
    model, inputs = fresh(case), batch(case)
    names = {brick.name for brick in linear_bricks(model)}
    model.enable_lora(rank=2, targets=names & {"query", "value", "down"})
    kept = [v for v in model.non_trainable_variables if "seed_generator" not in v.path]
    frozen = [as_numpy(variable.value) for variable in kept]
    hidden = model.output["sequence_output"] if isinstance(model.output, dict) else model.output
    trained = keras.Model(model.input, hidden)
    trained.compile(keras.optimizers.Adam(0.05), "mse")
    trained.optimizer.build(trained.trainable_variables)  # else TensorFlow traces the step twice
    target = np.random.default_rng(0).normal(size=outputs_of(model, inputs).shape)
    losses = trained.fit(inputs, target, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.98 * losses[0]
    for old, variable in zip(frozen, kept, strict=True):
        np.testing.assert_array_equal(old, as_numpy(variable.value))


def perturb(model):
    """Sets the updates, which start at zero, to something."""
    generator = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign(0.1 * generator.normal(size=variable.shape))


@every(FIRST_CASES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_lora_learned_is_saved_in_the_kernels(case, dtype, tmp_path):
    model, inputs = case.backbone_class(**vars(case.config), dtype=dtype), batch(case)
    before = outputs_of(model, inputs)
    model.enable_lora(rank=2, targets=tuple({brick.name for brick in linear_bricks(model)}))
    assert len({variable.path for variable in model.variables}) == len(model.variables)
    perturb(model)
    model.save_to_preset(tmp_path)
    merged = case.backbone_class.from_preset(tmp_path, dtype=dtype)
    for ours, theirs in zip(linear_bricks(merged), linear_bricks(model), strict=True):
        assert ours.lora_scale is None
        kernel, b, a = map(as_numpy, (theirs.kernel, theirs.lora_b, theirs.lora_a))
        # A rounding to bfloat16 is off by half a unit of the eighth digit, at most.
        np.testing.assert_allclose(as_numpy(ours.kernel), kernel + b @ a, rtol=2**-8, atol=1e-6)
    if dtype == "float32":
        after = outputs_of(model, inputs)
        assert np.abs(after - before).max() > 0.03 * np.abs(before).max()
        assert_close(outputs_of(merged, inputs), after)


def add_updates(task):
    task.backbone.enable_lora(rank=2)
    perturb(task.backbone)


def add_updates_to_int8(task):
    quantize(task)
    add_updates(task)


ADAPTED = [
    (case, head, adapt)
    for case, head in EACH_ONCE
    for adapt in (add_updates_to_int8, add_updates, quantize)
    if adapt is add_updates_to_int8 or (case, head) in EXEMPLARY_TASKS
]


@pytest.mark.parametrize(("case", "head", "adapt"), ADAPTED, ids=label)
def test_keras_saves_an_adapted_model(case, head, adapt, tmp_path):
    model, inputs = case.task_class(head)(fresh(case)), task_batch(case, head)
    adapt(model)
    model.save(tmp_path / "adapted.keras")
    again = keras.saving.load_model(tmp_path / "adapted.keras")
    outputs = (keras.tree.flatten(each(inputs)) for each in (again, model))
    for ours, theirs in zip(*outputs, strict=True):
        np.testing.assert_array_equal(as_numpy(ours), as_numpy(theirs))
    trained = [{v.path for v in each.trainable_variables} for each in (model, again)]
    assert trained[0] == trained[1]


@every(FIRST_CASES)
def test_a_quantized_model_is_saved_as_floats(case, tmp_path):
    model, inputs = fresh(case), batch(case)
    quantize(model)
    model.save_to_preset(tmp_path)
    again = case.backbone_class.from_preset(tmp_path)
    assert all(brick.kernel.dtype == "float32" for brick in linear_bricks(again))
    assert_close(outputs_of(again, inputs), outputs_of(model, inputs))


@every(FIRST_CASES)
def test_lora_trains_on_top_of_int8(case):
    model, inputs = fresh(case), batch(case)
    quantize(model)
    before = outputs_of(model, inputs)
    model.enable_lora(rank=2)
    # Not to the bit: torch chooses another form of attention where a bias of scores is frozen.
    assert_close(outputs_of(model, inputs), before, tolerance=1e-5)
    assert {variable.name for variable in model.trainable_variables} == {"lora_a", "lora_b"}


@every(FIRST_CASES)
def test_int8_stays_close(case, backbone):
    original, model, inputs = backbone(case), fresh(case), batch(case)
    model.set_weights(original.get_weights())
    quantize(model)
    routers = [brick for brick in linear_bricks(model) if brick.name == "router"]
    assert all(not brick.is_quantized for brick in routers)
    others = [brick for brick in linear_bricks(model) if brick not in routers]
    assert all(brick.kernel.dtype == "int8" for brick in others)
    before, after = outputs_of(original, inputs), outputs_of(model, inputs)
    assert (before != after).any()
    assert_close(after, before, tolerance=0.2)


@every(CASES)
def test_every_variable_has_one_layout(case, backbone):
    used = {_rule(variable.path) for variable in backbone(case).variables}
    assert used <= set(RULES.values())
    with pytest.raises(ConfigError, match="'layers_0/abacus/kernel' matches 0 rows"):
        _rule("layers_0/abacus/kernel")


@pytest.fixture(scope="session")
def four_devices():
    """A process that is asked about one checkpoint a line."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=4"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "XLA_FLAGS": flags},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


@pytest.mark.backends("jax")  # Keras shards models there
@every(FIRST_CASES)
def test_split_over_devices_it_computes_the_same(case, checkpoint, four_devices):
    inputs = {name: np.asarray(value).astype(int) for name, value in batch(case).items()}
    rows = len(inputs["token_ids"]) // 2 * 2
    inputs = {name: value[:rows].tolist() for name, value in inputs.items()}
    question = json.dumps([str(checkpoint(case, case.family.hf_class)), inputs])
    print(question, file=four_devices.stdin, flush=True)
    answer = json.loads(four_devices.stdout.readline())
    assert answer == "the same", answer
