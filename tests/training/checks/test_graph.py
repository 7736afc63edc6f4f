import gc

import keras
import pytest

from hornbook.tasks.task import Task
from hornbook.training import preflight
from hornbook.training.checks import graph
from hornbook.training.checks.finding import Run

pytestmark = pytest.mark.backend_free
layers = keras.layers


def found(model):
    return list(graph.check(Run(model)))


@pytest.mark.parametrize("connected", [False, True])
def test_a_normalization_that_is_made_and_passed_over(connected):
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(12, 4)(inputs)
    normalized = layers.LayerNormalization(name="layer_norm")(x)
    outputs = layers.Dense(12)(normalized if connected else x)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    if connected:
        assert preflight(model) == []
    else:
        (finding,) = preflight(model)
        assert finding.code == "layer_not_connected"
        assert "Layer 'layer_norm' was applied, but no output" in finding.message


def test_a_whole_branch_is_named_in_short():
    inputs = keras.Input((3,))
    x = inputs
    for number in range(5):
        x = layers.Dense(2, name=f"dead_{number}")(x)
    (finding,) = found(keras.Model(inputs, layers.Dense(2)(inputs)))
    assert "Layers 'dead_0', 'dead_1', 'dead_2' and 2 more were applied" in finding.message


def test_what_another_model_uses_is_meant():
    inputs = keras.Input((3,))
    trunk = layers.Dense(2)(inputs)
    first = keras.Model(inputs, layers.Dense(2)(trunk))
    second = keras.Model(inputs, layers.Dense(5)(trunk))
    features = keras.Model(inputs, trunk)
    assert [found(model) for model in (first, second, features)] == [[], [], []]
    layers.Dense(5)(trunk)
    assert len(found(second)) == 1  # nothing but the graph itself holds that head


def test_operations_without_weights_or_names_are_no_layers():
    inputs = keras.Input((3,))
    hidden = layers.Dense(2)(inputs)
    _ = hidden * 2
    assert found(keras.Model(inputs, hidden)) == []


def test_a_task_around_a_backbone_is_whole(decoder):
    assert found(decoder) == []


def test_a_task_that_was_thrown_away_leaves_nothing_to_find(decoder):
    hidden = decoder.backbone(decoder.backbone.input)
    first = Task(decoder.backbone, None, layers.Dense(3)(hidden))
    del first
    gc.collect()
    assert found(Task(decoder.backbone, None, layers.Dense(3)(hidden))) == []


def test_models_without_a_graph_are_left_to_the_first_steps():
    class Doubled(keras.Model):
        def call(self, inputs):
            return inputs * 2

    assert found(Doubled()) == []
    assert found(keras.Sequential([layers.Dense(2)])) == []
    assert found(keras.Sequential([keras.Input((3,)), layers.Dense(2)])) == []
