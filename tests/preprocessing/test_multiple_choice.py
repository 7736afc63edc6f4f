import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.preprocessing import EncoderPreprocessor, MultipleChoicePreprocessor

PROMPTS, CHOICES = ["a b c", "d"], [["d", "e", "a a"], ["a", "b c d e", "c"]]


def test_each_choice_is_a_pair_with_its_prompt(encoder_tokenizer):
    made = MultipleChoicePreprocessor(encoder_tokenizer, 7)((PROMPTS, CHOICES))
    encoder = EncoderPreprocessor(encoder_tokenizer, 7)
    for choice in range(3):
        expected = encoder((PROMPTS, [row[choice] for row in CHOICES]))
        for name, values in expected.items():
            np.testing.assert_array_equal(made[name][:, choice], values)


def test_labels_pass_through(encoder_tokenizer):
    preprocessor = MultipleChoicePreprocessor(encoder_tokenizer, 7)
    x = list(zip(PROMPTS, CHOICES, strict=True))
    made, y, weights = preprocessor(x, [0, 2], [1.0, 0.5], pad_to="longest")
    assert made["token_ids"].shape == (2, 3, 7)
    assert (y, weights) == ([0, 2], [1.0, 0.5])


def test_bad_input(encoder_tokenizer):
    preprocessor = MultipleChoicePreprocessor(encoder_tokenizer, 7)
    with pytest.raises(DataError, match="Some prompts have 1 choices and others 2"):
        preprocessor((["a", "b"], [["c", "d"], ["e"]]))
    with pytest.raises(DataError, match="a list of choices for each"):
        preprocessor((["a", "b"], ["c", "d"]))
    with pytest.raises(DataError, match="a list of choices for each"):
        preprocessor(["a", "b"])
