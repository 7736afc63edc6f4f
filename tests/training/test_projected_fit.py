"""Training without the logits of the whole batch is training with them."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from hornbook.layers import Linear, TokenAndPositionEmbedding, TransformerDecoder
from hornbook.losses import SparseTokenCrossentropy
from hornbook.losses.projected_logits import ProjectedLogits
from hornbook.metrics import Perplexity
from hornbook.models import GPT2Backbone, GPT2CausalLM, NextTokenModel

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 19, (6, 9)).astype("i4")
WEIGHTS = (np.arange(9) < RNG.integers(2, 10, (6, 1))).astype("f4")
DATA = ({"token_ids": IDS, "padding_mask": WEIGHTS.astype("i4")}, np.roll(IDS, -1, 1), WEIGHTS)


def make(tied, dtype=None):
    keras.utils.set_random_seed(0)
    backbone = GPT2Backbone(
        vocabulary_size=19, num_layers=1, num_heads=2, hidden_dim=8, max_sequence_length=12,
        dropout=0.0, embedding_dropout=0.0, attention_dropout=0.0, tie_word_embeddings=tied,
        initializer_range=0.3, dtype=dtype,
    )  # fmt: skip
    return GPT2CausalLM(backbone)


def train(model, **compiled):
    model.compile(optimizer=keras.optimizers.SGD(0.5), **compiled)
    x, y, weights = DATA
    history = model.fit(x, y, sample_weight=weights, batch_size=4, epochs=2, shuffle=False,
                        validation_data=DATA, verbose=0).history  # fmt: skip
    return {name: history[name] for name in ("loss", "perplexity", "val_loss", "val_perplexity")}


@pytest.mark.parametrize("tied", [True, False])
def test_same_curves_and_weights_as_with_logits(tied, monkeypatch):
    plain, projected = make(tied), make(tied)
    # Keras's accuracy reads logits, so everything does.
    expected = train(plain, weighted_metrics=[Perplexity(from_logits=True), "accuracy"])
    monkeypatch.setattr(ProjectedLogits, "logits", lambda _: pytest.fail("made the logits"))
    history = train(projected)
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=2e-4, err_msg=name)
    for ours, theirs in zip(projected.weights, plain.weights, strict=True):
        left, right = (ops.convert_to_numpy(weight) for weight in (ours, theirs))
        np.testing.assert_allclose(left, right, atol=1e-4, err_msg=ours.path)


def test_model_itself_gives_logits_still():
    model = make(tied=True)
    train(model)
    assert model(DATA[0]).shape == (6, 9, 19)
    assert model.predict(DATA[0], verbose=0).shape == (6, 9, 19)


def test_mixed_precision_stays_close():
    exact, mixed = make(tied=False), make(tied=False, dtype="mixed_bfloat16")
    mixed.set_weights(exact.get_weights())
    expected, history = train(exact), train(mixed)
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=0.05, err_msg=name)


def test_loss_of_another_reduction_has_its_logits():
    model = make(tied=True)
    train(model, loss=SparseTokenCrossentropy(reduction="sum"))
    x, y, weights = DATA
    losses = SparseTokenCrossentropy(reduction="sum")(y, model(x), weights)
    found = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(float(ops.convert_to_numpy(losses)), rel=1e-4)


def functional(kind, head):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None,), dtype="int32")
    tied = head is not None
    embedding = TokenAndPositionEmbedding(19, 12, 8, tie_weights=tied, mask_zero=True)
    x = TransformerDecoder(12, 2)(embedding(inputs))
    outputs = embedding.token_embedding(x, reverse=True) if head is None else head(x)
    model = kind(inputs, outputs)
    model.compile(
        keras.optimizers.SGD(0.5),
        SparseTokenCrossentropy(),
        metrics=[Perplexity(from_logits=True, mask_token_id=0)],
    )
    return model


@pytest.mark.parametrize(
    "head",
    [lambda: Linear(19), lambda: keras.layers.Dense(19), lambda: None],
    ids=["linear", "dense", "embedding"],
)
def test_any_graph_that_ends_in_a_projection(head, monkeypatch):
    plain, projected = functional(keras.Model, head()), functional(NextTokenModel, head())
    projected.set_weights(plain.get_weights())
    fit = {"y": np.roll(IDS, -1, 1), "epochs": 2, "shuffle": False, "verbose": 0}
    expected = plain.fit(IDS, **fit).history
    monkeypatch.setattr(ProjectedLogits, "logits", lambda _: pytest.fail("made the logits"))
    history = projected.fit(IDS, **fit).history
    for name in ("loss", "perplexity"):
        np.testing.assert_allclose(history[name], expected[name], rtol=2e-4, err_msg=name)
    for ours, theirs in zip(projected.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_graph_that_ends_otherwise_trains_as_ever():
    model = functional(NextTokenModel, keras.layers.Dense(19, activation="relu"))
    history = model.fit(IDS, np.roll(IDS, -1, 1), verbose=0).history
    assert np.isfinite(history["loss"][0])


def test_saved_graph_loads(tmp_path):
    model = functional(NextTokenModel, Linear(19))
    model.fit(IDS, np.roll(IDS, -1, 1), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, NextTokenModel)
    left, right = loaded.predict(IDS, verbose=0), model.predict(IDS, verbose=0)
    np.testing.assert_allclose(left, right, atol=1e-6)


PROGRAM = """
import keras
from hornbook.layers import Linear
from hornbook.models import GPT2Backbone, GPT2CausalLM, NextTokenModel

tokens = keras.Input((None,), dtype="int32")
NextTokenModel(tokens, Linear(5)(keras.layers.Embedding(5, 4)(tokens)))
GPT2CausalLM(GPT2Backbone(vocabulary_size=5, num_layers=1, num_heads=1, hidden_dim=2))
"""


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="the classes' order has no backend")
def test_task_can_be_made_after_graph():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_dropout_is_there_in_training_and_not_in_evaluation():
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Dropout(0.9)(TokenAndPositionEmbedding(19, 12, 64)(inputs))
    model = NextTokenModel(inputs, Linear(19, kernel_initializer="normal")(x))
    model.compile(keras.optimizers.SGD(0.0), SparseTokenCrossentropy())
    labels = np.roll(IDS, -1, 1)
    evaluated = model.evaluate(IDS, labels, verbose=0)
    assert model.evaluate(IDS, labels, verbose=0) == evaluated
    trained = model.fit(IDS, labels, verbose=0).history["loss"][0]
    assert trained != pytest.approx(evaluated, rel=1e-5)
