"""Words are tagged as they were learned, and entities are found in the text's characters."""

import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.metrics import EntityF1
from hornbook.models import BertTokenClassifier, TokenClassifier
from tasks.tiny_encoder import TEXTS, tiny

LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
WORDS = [text.split() for text in TEXTS]
PEOPLE = {"Ada": 1, "Lovelace": 2, "Charles": 1, "Babbage": 2, "Albert": 1, "Einstein": 2}
NUMBERS = {**PEOPLE, "Marie": 1, "Curie": 2, "London": 3, "Zürich": 3, "Warsaw": 3, "Paris": 3}
TAGS = [[LABELS[NUMBERS.get(word, 0)] for word in row] for row in WORDS]


@pytest.fixture(scope="module")
def trained():
    task = tiny(BertTokenClassifier, labels=LABELS)
    history = task.fit(
        WORDS, TAGS, epochs=40, batch_size=4, verbose=0, validation_data=(WORDS, TAGS)
    )
    assert history.history["val_accuracy"][-1] == 1.0
    return task


def test_words_are_tagged(trained):
    tagged = trained.tag(WORDS, batch_size=3)
    assert [[word["label"] for word in row] for row in tagged] == TAGS
    for text, row in zip(TEXTS, tagged, strict=True):
        for word in row:
            assert text[word["start"] : word["end"]] == word["word"]
            assert 0.2 < word["score"] <= 1
    assert trained.tag(TEXTS) == tagged
    metric = EntityF1()
    metric.update_state(TAGS, [[word["label"] for word in row] for row in tagged])
    assert float(metric.result()) == 1


def test_entities_are_found_in_characters(trained):
    found = trained.find_entities(TEXTS)
    assert [[(entity["label"], entity["text"]) for entity in row] for row in found] == [
        [("PER", "Ada Lovelace"), ("PER", "Charles Babbage"), ("LOC", "London")],
        [("LOC", "Zürich"), ("PER", "Albert Einstein")],
        [],
        [("PER", "Marie Curie"), ("LOC", "Warsaw"), ("LOC", "Paris")],
    ]
    for text, row in zip(TEXTS, found, strict=True):
        for entity in row:
            assert text[entity["start"] : entity["end"]] == entity["text"]
            assert text.split()[slice(*entity["words"])] == entity["text"].split()


def test_names_of_labels_and_numbers_train_alike():
    def losses(labels):
        task = tiny(BertTokenClassifier, labels=LABELS)
        return task.fit(WORDS, labels, epochs=2, batch_size=2, verbose=0).history["loss"]

    numbers = [[LABELS.index(tag) for tag in row] for row in TAGS]
    assert losses(TAGS) == losses(numbers)


def test_a_step_and_an_evaluation_take_words(trained):
    before = trained.evaluate(WORDS, TAGS, verbose=0, return_dict=True)
    assert before["accuracy"] == 1.0
    assert trained.test_on_batch(WORDS, TAGS)[1] == 1.0
    np.testing.assert_allclose(
        trained.predict(WORDS, verbose=0), trained.predict_on_batch(TEXTS), atol=1e-4
    )


def test_a_long_text_is_tagged_in_parts(trained):
    whole = [word["label"] for row in trained.tag(TEXTS) for word in row]
    [tagged] = trained.tag([" ".join(TEXTS)])
    assert len(trained.preprocessor.split(" ".join(TEXTS))) > 1
    assert len(tagged) == len(whole)
    assert all(word["label"] for word in tagged)
    assert np.mean([word["label"] == tag for word, tag in zip(tagged, whole, strict=True)]) > 0.6
    [kept] = trained.tag([["Ada", "", "Lovelace"]])
    assert [word["label"] for word in kept] == ["B-PER", None, "I-PER"]


def test_every_label_of_a_long_text_counts(trained):
    words = [word for row in WORDS for word in row]
    tags = [tag for row in TAGS for tag in row]
    texts, labels, weights = trained.read_examples([words, WORDS[0]], [tags, TAGS[0]], [0.5, 1.0])
    assert len(texts) > 2
    assert [LABELS[label] for row in labels[:-1] for label in row] == tags
    assert weights.tolist() == [0.5] * (len(texts) - 1) + [1.0]
    _, _, counted = trained.preprocessor(texts, labels)
    assert counted.sum() == len(words) + len(WORDS[0])
    result = trained.evaluate([words], [tags], verbose=0, return_dict=True)
    assert np.isfinite(result["loss"])


def test_labels_that_are_no_tags_are_joined():
    task = tiny(BertTokenClassifier, labels=["O", "name"])
    words = ["Ada", "Lovelace", "met", "Charles"]
    tagged = [
        {"word": w, "label": label, "score": 0.5, "start": 0, "end": 1}
        for w, label in zip(words, ["name", "name", "O", "name"], strict=True)
    ]
    assert [tuple(entity) for entity in task._entities(tagged)] == [("name", 0, 2), ("name", 3, 4)]


def test_labels_are_kept_in_a_preset(trained, tmp_path):
    trained.save_to_preset(tmp_path)
    again = TokenClassifier.from_preset(tmp_path)
    assert again.labels == tuple(LABELS)
    for ours, theirs in zip(again.tag(TEXTS), trained.tag(TEXTS), strict=True):
        assert [word["label"] for word in ours] == [word["label"] for word in theirs]


def test_bad_input(trained):
    with pytest.raises(DataError, match="the label 'B-ORG'; this model's labels are O, B-PER"):
        trained.fit([["a"]], [["B-ORG"]], verbose=0)
    with pytest.raises(DataError, match="has no tokenizer"):
        BertTokenClassifier(trained.backbone).tag(["a"])
