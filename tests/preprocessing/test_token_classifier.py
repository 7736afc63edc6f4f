"""Labels of words stand at their first tokens, and nothing else counts."""

import numpy as np
import pytest
from transformers import BertTokenizerFast

from hornbook.errors import DataError
from hornbook.preprocessing import TokenClassifierPreprocessor
from hornbook.preprocessing.words import SplitText, first_tokens, word_spans
from hornbook.tokenizers import WordPieceTokenizer

VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "horn",
    "##book",
    "##s",
    "a",
    "in",
    "bern",
    ",",
    "-",
]
WORDS = [["A", "hornbook", ",", "in", "Bern"], ["hornbooks", "in-Bern"], ["a"]]


@pytest.fixture
def tokenizer():
    special = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    return WordPieceTokenizer(VOCABULARY, lowercase=True, special_tokens=special)


def numbers_of(words):
    """The words' numbers as labels."""
    return [list(range(len(row))) for row in words]


@pytest.mark.parametrize("length", [4, 6, 12])
def test_words_begin_where_transformers_says(tokenizer, length, tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY))
    theirs = BertTokenizerFast.from_pretrained(tmp_path)
    x, y, weights = TokenClassifierPreprocessor(tokenizer, length)(WORDS, numbers_of(WORDS))
    expected = theirs(
        WORDS, is_split_into_words=True, padding="max_length", max_length=length, truncation=True
    )
    assert x["token_ids"].tolist() == expected["input_ids"]
    for row in range(len(WORDS)):
        words = expected.word_ids(row)
        first = [w is not None and w not in words[:at] for at, w in enumerate(words)]
        assert weights[row].tolist() == first
        assert y[row].tolist() == [
            word if counts else 0 for word, counts in zip(words, first, strict=True)
        ]


def test_a_string_s_words_are_parted_by_white_space(tokenizer):
    preprocessor = TokenClassifierPreprocessor(tokenizer, 10)
    split = preprocessor(WORDS, numbers_of(WORDS))
    texts = ["A hornbook , in Bern", " hornbooks\tin-Bern\n", "a"]
    for ours, theirs in zip(preprocessor(texts, numbers_of(WORDS)), split, strict=True):
        np.testing.assert_equal(ours, theirs)
    without = preprocessor(WORDS)
    np.testing.assert_equal(without, split[0])
    assert preprocessor(WORDS, pad_to="longest")["token_ids"].shape == (3, 10)


def test_weights_of_texts_and_labels_that_do_not_count(tokenizer):
    preprocessor = TokenClassifierPreprocessor(tokenizer, 5)
    labels = np.array([[1, -100], [2, 3]])
    _, y, weights = preprocessor(["a horn", "in bern"], labels, [2.0, 0.5])
    assert weights.tolist() == [[0, 2, 0, 0, 0], [0, 0.5, 0.5, 0, 0]]
    assert y.tolist() == [[0, 1, 0, 0, 0], [0, 2, 3, 0, 0]]


def test_words_may_hold_anything(tokenizer):
    words = ["in bern", "", "\u00a0", "a"]
    text = SplitText(words)
    assert [text[start:end] for start, end in word_spans(text)] == words
    _, y, weights = TokenClassifierPreprocessor(tokenizer, 7)([words], [[1, 2, 3, 4]])
    # What the tokenizer makes nothing of has no place.
    assert y.tolist() == [[0, 1, 0, 4, 0, 0, 0]]
    assert weights.tolist() == [[0, 1, 0, 1, 0, 0, 0]]


def test_a_space_that_is_a_token_begins_the_word():
    offsets = np.array([[0, 0], [0, 2], [3, 3], [3, 5], [5, 6]])
    assert first_tokens(offsets, [(0, 2), (3, 6)]).tolist() == [0, 2]
    assert first_tokens(offsets[:0], [(0, 2)]).tolist() == [-1]
    assert first_tokens(offsets, []).tolist() == []


def test_long_texts_are_cut_between_words(tokenizer):
    preprocessor = TokenClassifierPreprocessor(tokenizer, 5)
    words = ["a", "hornbooks", "a", "in", "", "in-bern", "a"]
    parts = preprocessor.split(SplitText(words))
    assert parts == [("a", 0), ("hornbooks", 1), ("a in ", 2), ("in-bern", 5), ("a", 6)]
    assert [word_spans(part) for part, _ in parts][2] == [(0, 1), (2, 4), (5, 5)]
    assert preprocessor.split("a horn") == [("a horn", 0)]


def test_bad_input(tokenizer):
    preprocessor = TokenClassifierPreprocessor(tokenizer, 5)
    with pytest.raises(DataError, match=r"Text 1 has 2 words \('in bern'\), but 1 labels"):
        preprocessor(["a", "in bern"], [[1], [1]])
    with pytest.raises(DataError, match="2 texts, but labels of 1"):
        preprocessor(["a", "in bern"], [[1]])
    with pytest.raises(DataError, match="lists of words and others strings"):
        preprocessor([["a"], "in bern"], [[1], [1, 2]])
