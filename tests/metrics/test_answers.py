"""Answers compared with references, in cases computed by hand."""

import keras
import pytest

from hornbook.errors import DataError
from hornbook.metrics import AnswerF1, ExactMatch

CASES = [
    # answer, reference, exact match, F1
    ("1848", "1848", 1, 1),
    ("The Alps.", "alps", 1, 1),
    ("a cat, the dog", "cat dog", 1, 1),
    ("the year 1848", "1848", 0, 2 / 3),
    ("in the Swiss Alps", "Swiss Alps", 0, 4 / 5),
    ("of of", "of", 0, 2 / 3),
    ("Bern", "Basel", 0, 0),
    ("", "", 1, 1),
    ("the", "", 1, 1),
    ("", "Basel", 0, 0),
    ("Basel", "", 0, 0),
]


@pytest.mark.parametrize(("answer", "reference", "match", "f1"), CASES)
def test_one_answer(answer, reference, match, f1):
    for metric, expected in ((ExactMatch(), match), (AnswerF1(), f1)):
        metric.update_state(reference, answer)
        assert float(metric.result()) == pytest.approx(expected)


def test_the_best_reference_counts_and_answers_are_averaged():
    answers = [answer for answer, *_ in CASES]
    references = [["nothing of it", reference] for _, reference, *_ in CASES]
    for metric, at in ((ExactMatch(), 2), (AnswerF1(), 3)):
        metric.update_state(references[:4], answers[:4])
        metric.update_state(references[4:], answers[4:])
        assert float(metric.result()) == pytest.approx(sum(case[at] for case in CASES) / len(CASES))
        metric.reset_state()
        assert float(metric.result()) == 0
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
        assert again.get_config() == metric.get_config()


def test_bad_input():
    with pytest.raises(DataError, match="2 answers, but references of 1"):
        AnswerF1().update_state(["a"], ["a", "b"])
    with pytest.raises(DataError, match="sample weights"):
        AnswerF1().update_state(["a"], ["a"], [1.0])
