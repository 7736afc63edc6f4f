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
from hornbook.checkpoints.weight_map import expand

pytestmark = pytest.mark.behaviour

EPOCHS = 8


@pytest.mark.mechanism  # that each weight changes is seen below, on every backend
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
    rows, _ = expand(case.family.weights, case.config)
    kept = {path for row in rows if row.kept for path in row.variables}
    assert found.keys() == {weight.path for weight in model.weights} - kept
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
    arguments = {"batch_size": 64, "epochs": EPOCHS, "verbose": 0, "preflight": False}  # cuts texts
    losses = model.fit(x, y, **arguments).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.8 * losses[0] if losses[0] > 0 else losses[-1] < losses[0] - 0.1
    for old, weight in zip(before, model.trainable_variables, strict=True):
        if not _is_passed_by(case, head, weight.path):
            assert (as_numpy(weight) != old).any(), weight.path


def _is_passed_by(case, head, path):
    """Whether the pooled token needn't see by a projection of the last layer.

    It sees as a token with global attention or as one without, each through its own projections.
    """
    last = f"layers_{case.config.num_layers - 1}/attention/"
    pooled = head.layers is not None and head.layers.global_tokens and head.layers.pooling
    return pooled and path.startswith(last)


def texts(model):
    return SENTENCES, None


def texts_and_vectors(model):
    shape = (len(SENTENCES), model.backbone.config.hidden_dim)
    return SENTENCES, np.random.default_rng(0).normal(size=shape).astype("float32")


def texts_and_labels(model):
    return SENTENCES, np.arange(len(SENTENCES)) % model.num_classes


def words_and_labels(model):
    words = [sentence.split() for sentence in SENTENCES]
    return words, [[model.labels[len(word) % 2] for word in row] for row in words]


def questions_and_answers(model):
    starts = [sentence.index("the") for sentence in SENTENCES]
    return (["who?"] * 3, SENTENCES), [(start, "the") for start in starts]


def prompts_and_choices(model):
    return (SENTENCES, [SENTENCES[:2]] * 3), [0, 1, 0]


class OneBatch(keras.utils.PyDataset):
    """The same masks in each pass, where a preprocessor would make others."""

    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.batch


def masked_texts(model):
    return OneBatch(model.preprocessor(SENTENCES)), None


def pairs_and_labels(model):
    return (SENTENCES, SENTENCES[::-1]), np.arange(len(SENTENCES)) % 2


DATA = {
    "CausalLM": texts,
    "MaskedLM": masked_texts,
    "MaskedLMAndNextSentence": masked_texts,
    "MultipleChoice": prompts_and_choices,
    "NextSentencePredictor": pairs_and_labels,
    "QuestionAnswering": questions_and_answers,
    "ReplacedTokenDetector": masked_texts,
    "TextClassifier": texts_and_labels,
    "TextEmbedder": texts_and_vectors,
    "TokenClassifier": words_and_labels,
}
"""For each task, texts and labels, if it has any."""


DROPOUTS = [(case, name) for case in FIRST_CASES for name in vars(case.config) if "dropout" in name]


@pytest.mark.mechanism
@pytest.mark.parametrize(("case", "rate"), DROPOUTS, ids=label)
def test_each_dropout_is_there_in_training_only(case, rate):
    rates = {name: 0.0 for other, name in DROPOUTS if other == case} | {rate: 0.5}
    model = case.backbone_class(**{**vars(case.config), **rates})
    inputs = batch(case)

    def states(training):
        return as_numpy(keras.tree.flatten(model(inputs, training=training))[-1])

    assert (states(False) == states(False)).all()
    assert (states(True) != states(True)).any()
