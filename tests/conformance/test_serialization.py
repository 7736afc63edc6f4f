"""Keras's own ways of saving and copying work for every class."""

import inspect

import keras
import pytest

import hornbook.models
from conformance.cases import CASES, EACH_ONCE, FIRST_CASES, every, every_head
from conformance.closeness import as_numpy
from conformance.inputs import batch, task_batch
from conformance.vocabularies import SENTENCES, examples, with_tokenizer

pytestmark = pytest.mark.mechanism


def arrays(outputs):
    return [as_numpy(output) for output in keras.tree.flatten(outputs)]


def assert_equal(ours, theirs):
    assert all((a == b).all() for a, b in zip(arrays(ours), arrays(theirs), strict=True))


@every(CASES)
def test_a_backbone_is_made_again_from_its_config(case, backbone):
    model = backbone(case)
    again = type(model).from_config(model.get_config())
    assert again.config == model.config == case.config
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    assert_equal(again(batch(case)), model(batch(case)))


@every_head(EACH_ONCE)
def test_a_task_is_saved_in_keras_s_format(case, head, task, tmp_path):
    model = task(case, head)
    model.save(tmp_path / "task.keras")
    again = keras.saving.load_model(tmp_path / "task.keras")
    assert type(again) is type(model)
    assert again.backbone.config == case.config
    assert_equal(again(task_batch(case, head)), model(task_batch(case, head)))


@every_head(EACH_ONCE)
def test_a_task_with_a_preprocessor_is_saved_in_keras_s_format(case, head, tmp_path):
    model = with_tokenizer(case, head)
    model.save(tmp_path / "task.keras")
    again = keras.saving.load_model(tmp_path / "task.keras")
    assert again.preprocessor.get_config() == model.preprocessor.get_config()
    assert type(again.preprocessor) is type(model.preprocessor)
    assert type(again.preprocessor.tokenizer) is type(model.preprocessor.tokenizer)
    x = examples(head, SENTENCES)
    assert_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@every_head(EACH_ONCE)
def test_training_goes_on_where_it_stopped(case, head, tmp_path):
    model = case.task_class(head)(case.backbone_class(**vars(case.config)))
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", weighted_metrics=None)
    inputs = task_batch(case, head)
    targets = keras.tree.map_structure(lambda output: 0 * as_numpy(output), model(inputs))
    model.train_on_batch(inputs, targets)
    model.save(tmp_path / "task.keras")
    again = keras.saving.load_model(tmp_path / "task.keras")
    assert int(again.optimizer.iterations) == 1
    for ours, theirs in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        assert (as_numpy(ours) == as_numpy(theirs)).all()


@every(CASES)
def test_a_backbone_is_saved_in_keras_s_format(case, backbone, tmp_path):
    model = backbone(case)
    model.save(tmp_path / "backbone.keras")
    again = keras.saving.load_model(tmp_path / "backbone.keras")
    assert type(again) is type(model)
    assert_equal(again(batch(case)), model(batch(case)))


@every(FIRST_CASES)
def test_a_backbone_is_cloned_with_fresh_weights(case, backbone):
    model = backbone(case)
    # Keras clones the graph, so that a clone of any functional model is a plain Functional, and
    # a task's clone would have a tied embedding twice: tasks are copied by their config.
    clone = keras.models.clone_model(model)
    assert not {id(v) for v in clone.variables} & {id(v) for v in model.variables}
    clone.set_weights(model.get_weights())
    assert_equal(clone(batch(case)), model(batch(case)))


@every_head(EACH_ONCE)
def test_a_task_is_copied_by_its_config(case, head, task):
    model = task(case, head)
    copy = type(model).from_config(model.get_config())
    assert not {id(v) for v in copy.variables} & {id(v) for v in model.variables}
    copy.set_weights(model.get_weights())
    assert_equal(copy(task_batch(case, head)), model(task_batch(case, head)))


@every_head(EACH_ONCE)
def test_weights_alone_are_saved(case, head, task, tmp_path):
    model = task(case, head)
    model.save_weights(tmp_path / "task.weights.h5")
    again = type(model)(type(model.backbone)(**vars(case.config)))
    again.load_weights(tmp_path / "task.weights.h5")
    assert_equal(again(task_batch(case, head)), model(task_batch(case, head)))


@pytest.mark.backend_free
@pytest.mark.parametrize("name", dir(hornbook.models))
def test_a_public_class_says_what_it_is(name):
    cls = getattr(hornbook.models, name)
    former = hornbook.models.former_names()
    assert cls is former[name] if name in former else cls.__name__ == name
    assert cls.__module__ == "hornbook.models" or cls.__module__.startswith("hornbook.")
    assert len(inspect.getdoc(cls)) > 40
    if name != "NextTokenModel":  # which is made of layers
        assert callable(cls.from_preset)
    if issubclass(cls, keras.Model) and cls.__module__ == "hornbook.models":
        assert keras.saving.get_registered_object(f"hornbook>{cls.__name__}") is cls


@every(CASES)
def test_a_backbone_s_signature_is_its_config(case):
    parameters = inspect.signature(case.backbone_class).parameters
    assert list(parameters) == [*vars(case.config), "dtype", "name"]
    with pytest.raises(TypeError, match="flux_capacitance"):
        case.backbone_class(flux_capacitance=1.21)
