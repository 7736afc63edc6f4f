"""Every weight learns, and every task that a family declares trains."""

import keras
import numpy as np
import pytest
from keras import ops

from conformance.cases import CASES, FIRST_CASES, FIRST_HEADS, every, every_head, label
from conformance.closeness import as_numpy
from conformance.gradients import gradients
from conformance.inputs import batch
from conformance.vocabularies import SENTENCES, with_tokenizer

EPOCHS = 8


@every(CASES)
def test_every_trainable_weight_gets_a_gradient(case, backbone):
    model = case.backbone_class(**vars(case.config))
    model.set_weights(backbone(case).get_weights())
    generator = np.random.default_rng(0)

    def loss(outputs):
        # Random weights on the outputs: the plain sum of a normalised state is a constant.
        weighted = (
            ops.sum(ops.multiply(output, generator.normal(size=output.shape).astype("float32")))
            for output in keras.tree.flatten(outputs)
        )
        return sum(weighted)

    found = gradients(model, batch(case, (9, 12)), loss)
    assert found.keys() == {weight.path for weight in model.weights}
    for path, gradient in found.items():
        assert np.isfinite(gradient).all(), path
        # Without rotary positions a bias on the keys moves all scores of a query alike, and the
        # softmax of them not at all.
        if not path.endswith("key/bias"):
            assert np.abs(gradient).max() > 1e-4, path


@every_head(FIRST_HEADS)
def test_loss_falls_from_raw_text(case, head):
    keras.utils.set_random_seed(0)
    without_dropout = {name: 0.0 for name in vars(case.config) if "dropout" in name}
    model = with_tokenizer(case, head, **without_dropout)
    model.optimizer.learning_rate = 0.003
    before = [as_numpy(weight) for weight in model.trainable_variables]
    x, y = DATA[head.task](model)
    arguments = {"batch_size": 3, "epochs": EPOCHS, "verbose": 0, "preflight": False}  # cuts texts
    losses = model.fit(x, y, **arguments).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.8 * losses[0] if losses[0] > 0 else losses[-1] < losses[0] - 0.1
    for old, weight in zip(before, model.trainable_variables, strict=True):
        assert (as_numpy(weight) != old).any(), weight.path


def texts(model):
    return SENTENCES, None


def texts_and_vectors(model):
    shape = (len(SENTENCES), model.backbone.config.hidden_dim)
    return SENTENCES, np.random.default_rng(0).normal(size=shape).astype("float32")


DATA = {"CausalLM": texts, "TextEmbedder": texts_and_vectors}
"""For each task, texts and labels, if it has any."""


DROPOUTS = [(case, name) for case in FIRST_CASES for name in vars(case.config) if "dropout" in name]


@pytest.mark.parametrize(("case", "rate"), DROPOUTS, ids=label)
def test_each_dropout_is_there_in_training_only(case, rate):
    rates = {name: 0.0 for other, name in DROPOUTS if other == case} | {rate: 0.5}
    model = case.backbone_class(**{**vars(case.config), **rates})
    inputs = batch(case)

    def states(training):
        return as_numpy(keras.tree.flatten(model(inputs, training=training))[-1])

    assert (states(False) == states(False)).all()
    assert (states(True) != states(True)).any()
