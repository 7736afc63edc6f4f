"""Words are counted by parts, and equal to those that are counted text by text."""

from collections import Counter

import pytest
from tokenizers import pre_tokenizers

from hornbook.tokenizers import word_piece_training
from hornbook.tokenizers.word_piece import splitting
from hornbook.tokenizers.word_piece_training import count_words
from nasty_strings import NASTY_STRINGS


@pytest.mark.parametrize("stretch", [word_piece_training.STRETCH, 500])
@pytest.mark.parametrize(
    "parts",
    [
        splitting(True, True, True, True),
        splitting(False, False, True, False),
        splitting(True, False, False, False),  # each text is a word
        (None, pre_tokenizers.ByteLevel(add_prefix_space=False)),
        (None, pre_tokenizers.ByteLevel(add_prefix_space=True)),
        (None, pre_tokenizers.Metaspace()),  # can't be cut
    ],
    ids=str,
)
def test_counts_equal_the_naive_form(sentences, parts, stretch, monkeypatch):
    monkeypatch.setattr(word_piece_training, "STRETCH", stretch)
    monkeypatch.setattr(word_piece_training, "BATCH", 20)
    texts = [*sentences, *NASTY_STRINGS, "a  bird\n sings ", " a\n", " ", "", "the " * 70]
    normalizer, splitter = parts
    expected: Counter[str] = Counter()
    for text in texts:
        normal = text if normalizer is None else normalizer.normalize_str(text)
        expected.update(
            [word for word, _ in splitter.pre_tokenize_str(normal)] if splitter else [normal]
        )
    del expected[""]  # no word
    counted = dict(count_words(normalizer, splitter, iter(texts)))
    assert {word: count for word, count in counted.items() if word} == expected
