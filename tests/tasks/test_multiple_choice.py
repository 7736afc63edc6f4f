"""Choices are told apart as they were learned."""

import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.models import BertMultipleChoice, MultipleChoice
from tasks.tiny_encoder import tiny

PROMPTS = ["Ada met", "Albert studied", "Marie moved to"]
CHOICES = [
    ["Charles", "physics", "Paris"],
    ["London", "physics", "Warsaw"],
    ["there", ".", "Paris"],
]
RIGHT = [0, 1, 2]


@pytest.fixture(scope="module")
def trained():
    task = tiny(BertMultipleChoice)
    history = task.fit((PROMPTS, CHOICES), RIGHT, epochs=30, batch_size=3, verbose=0)
    assert history.history["accuracy"][-1] == 1.0
    return task


def test_the_right_choices_are_chosen(trained):
    found = trained.choose(PROMPTS, CHOICES)
    assert [answer["choice"] for answer in found] == RIGHT
    for row, answer in zip(CHOICES, found, strict=True):
        assert answer["text"] == row[answer["choice"]]
        assert answer["score"] == max(answer["scores"])
        assert sum(answer["scores"]) == pytest.approx(1, abs=1e-5)


def test_a_choice_s_score_does_not_depend_on_the_others(trained):
    logits = trained.predict((PROMPTS, CHOICES), verbose=0)
    turned = trained.predict((PROMPTS, [row[::-1] for row in CHOICES]), verbose=0)
    np.testing.assert_allclose(logits, turned[:, ::-1], atol=1e-5)


def test_numbers_of_choices_may_differ(trained):
    choices = [CHOICES[0][:2], CHOICES[1], CHOICES[2][1:]]
    found = trained.choose(PROMPTS, choices, batch_size=1)
    assert [answer["text"] for answer in found] == ["Charles", "physics", "Paris"]
    assert list(map(len, [answer["scores"] for answer in found])) == [2, 3, 2]


def test_lists_of_pairs_and_validation(trained):
    pairs = list(zip(PROMPTS, CHOICES, strict=True))
    result = trained.evaluate(pairs, RIGHT, verbose=0, return_dict=True)
    assert result["accuracy"] == 1.0
    task = tiny(BertMultipleChoice)
    history = task.fit(pairs, RIGHT, verbose=0, validation_data=((PROMPTS, CHOICES), RIGHT))
    assert "val_loss" in history.history


def test_dropout_is_kept_in_a_preset(tmp_path):
    task = tiny(BertMultipleChoice, dropout=0.25)
    task.save_to_preset(tmp_path)
    again = MultipleChoice.from_preset(tmp_path)
    assert again.dropout == 0.25
    x = PROMPTS, CHOICES
    np.testing.assert_allclose(again.predict(x, verbose=0), task.predict(x, verbose=0), atol=1e-5)


def test_bad_input(trained):
    with pytest.raises(DataError, match="has no tokenizer"):
        BertMultipleChoice(trained.backbone).choose(PROMPTS, CHOICES)
    with pytest.raises(DataError, match="a list of choices for each"):
        trained.choose(PROMPTS, PROMPTS)
