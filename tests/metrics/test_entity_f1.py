"""Entities and their F1, in cases computed by hand."""

import keras
import numpy as np
import pytest
import seqeval.metrics
import seqeval.scheme

from hornbook.errors import DataError
from hornbook.metrics import EntityF1, entities

A, B = "A", "B"


@pytest.mark.parametrize(
    ("tags", "lenient", "iob2"),
    [
        ("", [], []),
        ("O O", [], []),
        ("B-A I-A O B-B", [(A, 0, 2), (B, 3, 4)], [(A, 0, 2), (B, 3, 4)]),
        ("B-A B-A I-A", [(A, 0, 1), (A, 1, 3)], [(A, 0, 1), (A, 1, 3)]),
        # An entity that doesn't begin is one only to a lenient reader.
        ("I-A I-A O I-B", [(A, 0, 2), (B, 3, 4)], []),
        ("B-A I-B I-B", [(A, 0, 1), (B, 1, 3)], [(A, 0, 1)]),
        ("O B-A I-A", [(A, 1, 3)], [(A, 1, 3)]),
        ("B I O B", [("_", 0, 2), ("_", 3, 4)], [("_", 0, 2), ("_", 3, 4)]),
        ("B-A-1 I-A-1", [("A-1", 0, 2)], [("A-1", 0, 2)]),
    ],
)
def test_entities(tags, lenient, iob2):
    assert entities(tags.split()) == lenient
    assert entities(tags.split(), scheme="IOB2") == iob2


@pytest.mark.parametrize(
    ("tags", "lenient", "strict"),
    [
        ("S-A O B-B E-B", [(A, 0, 1), (B, 2, 4)], [(A, 0, 1), (B, 2, 4)]),
        ("B-A I-A E-A S-A", [(A, 0, 3), (A, 3, 4)], [(A, 0, 3), (A, 3, 4)]),
        # Without an end, or with one of another type, it is none.
        ("B-A I-A O", [(A, 0, 2)], []),
        ("B-A E-B", [(A, 0, 1), (B, 1, 2)], []),
        ("E-A I-A", [(A, 0, 1), (A, 1, 2)], []),
        ("B-A E-A E-A", [(A, 0, 2), (A, 2, 3)], [(A, 0, 2)]),
    ],
)
def test_entities_with_ends(tags, lenient, strict):
    assert entities(tags.split()) == lenient
    assert entities(tags.split(), scheme="IOBES") == strict


TRUE = [["B-A", "I-A", "O", "B-B"], ["B-A", "O", "B-A"]]
GUESS = [["B-A", "I-A", "O", "O"], ["B-A", "I-A", "B-B"]]
# Of A there are three, two are guessed and one is right: 2 * 1 / 5. Of B one each, none right.


def test_averages():
    for average, expected in (("micro", 2 / 7), ("macro", 0.2), ("weighted", 0.4 * 3 / 4)):
        metric = EntityF1(average=average)
        metric.update_state(TRUE, GUESS)
        assert float(metric.result()) == pytest.approx(expected)
    report = metric.report()
    assert report["A"] == {"precision": 1 / 2, "recall": 1 / 3, "f1": 2 / 5, "support": 3}
    assert report["B"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert report["all"] == {"precision": 1 / 3, "recall": 1 / 4, "f1": 2 / 7, "support": 4}


def test_texts_add_up_and_are_forgotten():
    metric = EntityF1()
    assert float(metric.result()) == 0
    for true, guess in zip(TRUE, GUESS, strict=True):
        metric.update_state(true, guess)
    assert float(metric.result()) == pytest.approx(2 / 7)
    metric.reset_state()
    assert float(metric.result()) == 0
    assert metric.report() == {"all": {"precision": 0, "recall": 0, "f1": 0, "support": 0}}


def test_ids_scores_and_words_that_are_none():
    labels = ["O", "B-A", "I-A", "B-B"]
    true = np.array([[1, 2, 0, 3], [1, 0, 1, -100]])
    guess = np.array([[1, 2, 0, 0], [1, 2, 3, 3]])
    metric = EntityF1(labels)
    metric.update_state(true, guess)
    assert float(metric.result()) == pytest.approx(2 / 7)
    again = EntityF1(labels)
    again.update_state(keras.ops.array(np.abs(true) % 4), np.eye(4)[guess], [[1] * 4, [1, 1, 1, 0]])
    assert again.report() == metric.report()


def test_a_scheme_is_held_to():
    metric = EntityF1(scheme="IOBES")
    metric.update_state(["S-A", "B-A", "E-A"], ["S-A", "B-A", "I-A"])
    assert float(metric.result()) == pytest.approx(2 / 3)


def test_it_is_saved_by_its_config():
    metric = EntityF1(["O", "B-A"], "macro", "IOB2")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert again.get_config() == metric.get_config()


def test_bad_input():
    with pytest.raises(DataError, match="average is 'mean'"):
        EntityF1(average="mean")
    with pytest.raises(DataError, match="scheme is 'BILOU'"):
        EntityF1(scheme="BILOU")
    with pytest.raises(DataError, match="the tag 'PER'"):
        entities(["PER"])
    with pytest.raises(DataError, match=r"the tag 'S-PER'.*expected 'O', or one of I, O, B"):
        entities(["S-PER"], "IOB2")
    with pytest.raises(DataError, match="not as many"):
        EntityF1().update_state([["O"]], [["O", "O"]])
    with pytest.raises(DataError, match="`labels`"):
        EntityF1().update_state([[1]], [[1]])
    with pytest.raises(DataError, match=r"\[length\] or \[batch, length\]"):
        EntityF1().update_state("B-A", "B-A")


SCHEMES = {None: "IOBES", "IOB2": "IOB", "IOBES": "IOBES"}


def random_tags(generator, prefixes, rows=40):
    """Tags of texts, which break every scheme's rules, and guesses, of which half are right."""
    tags = ["O", *(f"{p}-{kind}" for p in prefixes if p != "O" for kind in "ABC")]
    true = [generator.choice(tags, generator.integers(1, 12)) for _ in range(rows)]
    guess = [
        np.where(generator.random(len(row)) < 0.5, row, generator.choice(tags, len(row)))
        for row in true
    ]
    return [row.tolist() for row in true], [row.tolist() for row in guess]


@pytest.mark.backend_free
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_numbers_are_seqevals(scheme):
    options = {"zero_division": 0, "output_dict": True}
    if scheme:
        options |= {"mode": "strict", "scheme": getattr(seqeval.scheme, scheme)}
    for seed in range(20):
        true, guess = random_tags(np.random.default_rng(seed), SCHEMES[scheme])
        expected = seqeval.metrics.classification_report(true, guess, **options)
        for average in ("micro", "macro", "weighted"):
            metric = EntityF1(average=average, scheme=scheme)
            metric.update_state(true, guess)
            score = expected[f"{average} avg"]["f1-score"]
            assert 0.05 < score < 0.95
            assert float(metric.result()) == pytest.approx(score)
        for kind, row in metric.report().items():
            theirs = expected["micro avg" if kind == "all" else kind]
            row["f1-score"] = row.pop("f1")
            assert row == pytest.approx(theirs)
