"""Texts are classified as they were learned, whatever kind of problem it is."""

import json

import keras
import numpy as np
import pytest
import torch
import transformers

from hornbook.errors import ConfigError, DataError, HornbookWarning
from hornbook.models import (
    BertBackbone,
    BertTextClassifier,
    BertTokenClassifier,
    GPT2Backbone,
    GPT2TextClassifier,
    GPT2TextClassifierPreprocessor,
    GPT2Tokenizer,
    RobertaBackbone,
    RobertaClassifier,
    TextClassifier,
)
from hornbook.tokenizers import compute_byte_pair_vocabulary
from tasks.tiny_encoder import TEXTS, tiny

PLACES = ["London", "Zürich", "nowhere", "Paris"]
PAIRS = [(TEXTS[0], TEXTS[1]), (TEXTS[1], TEXTS[0]), (TEXTS[2], TEXTS[3]), (TEXTS[3], TEXTS[2])]


@pytest.fixture(scope="module")
def trained():
    task = tiny(BertTextClassifier, labels=PLACES)
    history = task.fit(TEXTS, PLACES, epochs=25, batch_size=4, verbose=0)
    assert history.history["accuracy"][-1] == 1.0
    return task


def test_texts_have_the_labels_that_were_learned(trained):
    best = trained.classify(TEXTS, batch_size=3)
    assert [found["label"] for found in best] == PLACES
    every = trained.classify(TEXTS, top_k=None)
    for found, row in zip(best, every, strict=True):
        assert row[0]["label"] == found["label"]
        assert row[0]["score"] == pytest.approx(found["score"], abs=1e-4)
        assert {one["label"] for one in row} == set(PLACES)
        assert sum(one["score"] for one in row) == pytest.approx(1, abs=1e-5)
        assert [one["score"] for one in row] == sorted((o["score"] for o in row), reverse=True)
    assert trained.classify([]) == []


def test_names_and_numbers_of_labels_train_alike():
    def losses(labels):
        task = tiny(BertTextClassifier, labels=PLACES)
        history = task.fit(TEXTS, labels, epochs=2, batch_size=2, verbose=0, preflight=False)
        return history.history["loss"]

    assert losses(PLACES) == losses(np.arange(4)) == losses(np.array(PLACES))


def test_pairs_are_told_apart_by_their_order():
    task = tiny(BertTextClassifier, sequence_length=32)
    history = task.fit(PAIRS, [0, 1, 0, 1], epochs=40, batch_size=4, verbose=0, preflight=False)
    assert history.history["loss"][-1] < 0.1
    best = task.classify(PAIRS)
    assert [found["label"] for found in best] == ["LABEL_0", "LABEL_1"] * 2
    columns = tuple(map(list, zip(*PAIRS, strict=True)))
    assert task.classify(columns) == best


def test_a_text_may_have_several_labels(tmp_path):
    options = {"labels": PLACES[:3], "problem_type": "multi_label_classification"}
    names = [["London"], ["Zürich", "London"], ["nowhere"], ["Zürich"]]
    task = tiny(BertTextClassifier, **options)
    history = task.fit(TEXTS, names, epochs=30, batch_size=4, verbose=0, preflight=False)
    assert history.history["accuracy"][-1] == 1.0
    found = task.classify(TEXTS, top_k=None)
    assert [{one["label"] for one in row if one["score"] > 0.5} for row in found] == [
        set(of_text) for of_text in names
    ]
    labels = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 0]], "float32")
    loss = task.evaluate(TEXTS, labels, verbose=0, return_dict=True)["loss"]

    task.save_to_preset(tmp_path)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path)
    inputs = transformers.AutoTokenizer.from_pretrained(tmp_path)(
        TEXTS, padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        output = theirs.eval()(**inputs, labels=torch.tensor(labels))
    assert theirs.config.problem_type == "multi_label_classification"
    assert float(output.loss) == pytest.approx(loss, rel=1e-4)
    again = TextClassifier.from_preset(tmp_path)
    assert again.problem_type == "multi_label_classification"
    assert isinstance(again.loss, keras.losses.BinaryCrossentropy)


def test_one_label_is_a_regression(tmp_path):
    task = tiny(BertTextClassifier, num_classes=1)
    numbers = [0.5, -1.0, 2.0, 1.0]
    history = task.fit(TEXTS, numbers, epochs=60, batch_size=4, verbose=0, preflight=False)
    assert history.history["mae"][-1] < 0.3
    scores = [found["score"] for found in task.classify(TEXTS)]
    np.testing.assert_allclose(scores, numbers, atol=0.4)
    task.save_to_preset(tmp_path)
    assert TextClassifier.from_preset(tmp_path).kind == "regression"


def test_transformers_classifies_alike(trained, tmp_path):
    trained.save_to_preset(tmp_path)
    theirs = transformers.pipeline("text-classification", str(tmp_path), device="cpu")
    for ours, found in zip(trained.classify(TEXTS), theirs(TEXTS), strict=True):
        assert ours["label"] == found["label"]
        assert ours["score"] == pytest.approx(found["score"], abs=1e-4)
    again = TextClassifier.from_preset(tmp_path)
    assert type(again) is BertTextClassifier
    assert again.classify(TEXTS) == trained.classify(TEXTS)


def test_other_labels_make_a_fresh_head(trained, tmp_path):
    trained.save_to_preset(tmp_path)
    with pytest.warns(HornbookWarning, match="no weights for classifier/bias, classifier/kernel"):
        other = TextClassifier.from_preset(tmp_path, num_classes=7)
    assert other.labels == tuple(f"LABEL_{index}" for index in range(7))
    renamed = TextClassifier.from_preset(tmp_path, labels=["a", "b", "c", "d"])
    assert renamed.classify(TEXTS)[0] == {**trained.classify(TEXTS)[0], "label": "a"}
    with pytest.warns(HornbookWarning, match="classifier"):
        BertTokenClassifier.from_preset(tmp_path)


def test_what_other_programs_write_into_config_json_counts(trained, tmp_path):
    trained.save_to_preset(tmp_path)
    path = tmp_path / "config.json"
    raw = json.loads(path.read_text())
    raw["id2label"] = {str(index): name.upper() for index, name in enumerate(PLACES)}
    path.write_text(json.dumps({**raw, "classifier_dropout": 0.25}))
    changed = TextClassifier.from_preset(tmp_path)
    assert changed.labels == tuple(name.upper() for name in PLACES)
    assert changed.dropout == 0.25
    assert TextClassifier.from_preset(tmp_path, dropout=0.5).dropout == 0.5
    path.write_text(json.dumps({**raw, "id2label": {"0": "a", "5": "b"}}))
    with pytest.raises(ConfigError, match="id2label"):
        TextClassifier.from_preset(tmp_path)


def decoder():
    keras.utils.set_random_seed(2)
    tokenizer = GPT2Tokenizer(
        *compute_byte_pair_vocabulary(TEXTS, 300, reserved_tokens=["<|endoftext|>"])
    )
    backbone = GPT2Backbone(
        vocabulary_size=tokenizer.vocabulary_size(), num_layers=1, num_heads=2, hidden_dim=24,
        max_sequence_length=64, start_token_id=0, end_token_id=0,
    )  # fmt: skip
    return GPT2TextClassifier(backbone, GPT2TextClassifierPreprocessor(tokenizer, 48))


def test_a_decoder_reads_the_last_real_token(tmp_path):
    task = decoder()
    inputs = task.preprocessor(TEXTS)
    outputs = keras.ops.convert_to_numpy(task(inputs))
    for row, length in enumerate(inputs["padding_mask"].sum(1)):
        alone = {name: value[row : row + 1, :length] for name, value in inputs.items()}
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(task(alone))[0], outputs[row], atol=1e-5
        )
    task.save_to_preset(tmp_path)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    ids = transformers.AutoTokenizer.from_pretrained(tmp_path)(
        TEXTS, padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        np.testing.assert_allclose(theirs(**ids).logits.numpy(), outputs, atol=1e-4)


def test_a_decoder_learns_pairs():
    task = decoder()
    task.optimizer.learning_rate = 0.01
    history = task.fit(PAIRS, [0, 1, 0, 1], epochs=40, batch_size=4, verbose=0, preflight=False)
    assert history.history["loss"][-1] < 0.1 * history.history["loss"][0]
    assert len(task.classify(PAIRS)) == 4


def test_what_makes_no_sense_is_refused(trained):
    backbone = BertBackbone(
        vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
    )
    with pytest.raises(ConfigError, match="num_classes is 3, but there are 2 labels"):
        BertTextClassifier(backbone, num_classes=3, labels=["a", "b"])
    with pytest.raises(ConfigError, match="all different"):
        BertTextClassifier(backbone, labels=["a", "a"])
    with pytest.raises(ConfigError, match="num_classes is 0"):
        BertTextClassifier(backbone, num_classes=0)
    with pytest.raises(ConfigError, match="problem_type is 'ranking'"):
        BertTextClassifier(backbone, problem_type="ranking")
    with pytest.raises(ConfigError, match="pooling is 'mean'"):
        BertTextClassifier(backbone, pooling="mean")
    with pytest.raises(TypeError, match="num_classes=3"):
        BertTextClassifier(backbone, 3)
    with pytest.raises(TypeError, match="from_preset"):
        TextClassifier(backbone)
    with pytest.raises(DataError, match="no tokenizer"):
        BertTextClassifier(backbone).classify(TEXTS)
    with pytest.raises(DataError, match="'Rome'; this model's labels are London"):
        trained.fit(TEXTS, ["Rome"] * 4, verbose=0)
    for label in (4, -1):
        with pytest.raises(DataError, match=f"the label {label}, but the model has 4 labels"):
            trained.fit(TEXTS, [0, 1, 2, label], verbose=0)


def test_scores_may_be_probabilities(tmp_path):
    task = tiny(BertTextClassifier, activation="softmax")
    task.fit(TEXTS, [0, 1, 0, 1], epochs=15, batch_size=4, verbose=0, preflight=False)
    outputs = task.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)
    best = task.classify(TEXTS)
    assert [found["label"] for found in best] == ["LABEL_0", "LABEL_1"] * 2
    np.testing.assert_allclose([found["score"] for found in best], outputs.max(axis=1), atol=1e-4)
    task.save_to_preset(tmp_path)
    assert TextClassifier.from_preset(tmp_path).activation == "softmax"


def test_compile_keeps_the_defaults_of_what_it_isnt_told(trained):
    task = tiny(BertTextClassifier)
    task.compile(optimizer=keras.optimizers.SGD(0.1))
    assert isinstance(task.loss, keras.losses.SparseCategoricalCrossentropy)
    history = task.fit(TEXTS, [0, 1, 0, 1], verbose=0, preflight=False).history
    assert set(history) == {"loss", "accuracy"}
    task.compile(metrics=["mae"], loss="mse")
    assert set(task.fit(TEXTS, np.eye(2)[[0, 1, 0, 1]], verbose=0, preflight=False).history) == {
        "loss",
        "mae",
    }


def test_the_hidden_layer_is_as_wide_as_the_backbone():
    backbone = RobertaBackbone(
        vocabulary_size=11, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=8,
        max_sequence_length=16,
    )  # fmt: skip
    task = RobertaClassifier(backbone, num_classes=2, hidden_dim=8)
    assert task.output.shape == (None, 2)
    with pytest.raises(ConfigError, match="hidden_dim is 6; expected the backbone's 8"):
        RobertaClassifier(backbone, num_classes=2, hidden_dim=6)
    with pytest.raises(ConfigError, match="no hidden layer of its own; leave it out"):
        tiny(BertTextClassifier, num_classes=2, hidden_dim=8)
