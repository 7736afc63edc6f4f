import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.preprocessing import (
    MaskedLMAndNextSentencePreprocessor,
    NextSentencePreprocessor,
)
from hornbook.preprocessing.sentence_pairs import IS_NEXT, sentence_pairs, split_sentences
from hornbook.tokenizers import WordPieceTokenizer

DOCUMENTS = ["a a\na b\na c\na d", "b a\nb b\nb c", "c a. c b. c c."]


@pytest.fixture
def tokenizer():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return WordPieceTokenizer([*special, *"abcde", "."])


def test_documents_are_cut_into_sentences():
    assert split_sentences("One is here. Two? Yes!  Three") == [
        "One is here.", "Two?", "Yes!", "Three",
    ]  # fmt: skip
    assert split_sentences("One. Two.\n\n Three. \n") == ["One. Two.", "Three."]
    assert split_sentences(" \n ") == []


def test_half_of_the_second_texts_follow_the_first():
    numbers = iter(range(1000))
    documents = [[[next(numbers) for _ in range(3)] for _ in range(6)] for _ in range(5)]
    of_document = {token: i for i, rows in enumerate(documents) for row in rows for token in row}
    generator = np.random.default_rng(0)
    seen = []
    for _ in range(60):
        firsts, seconds, labels = sentence_pairs(documents, 15, generator)
        seen.extend(labels.tolist())
        for index, (first, second, label) in enumerate(zip(firsts, seconds, labels, strict=True)):
            assert {of_document[token] for token in first} == {index}
            assert len({of_document[token] for token in second}) == 1
            assert (of_document[second[0]] == index) == (label == IS_NEXT)
            if label == IS_NEXT:
                assert second[0] == first[-1] + 1
                assert len(first) + len(second) <= 15
    assert 0.4 < np.mean(seen) < 0.6


@pytest.mark.parametrize(
    ("documents", "firsts", "seconds"),
    [
        ([[[1, 2, 3, 4]]], [[1, 2]], [[3, 4]]),
        ([[[1]]], [[1]], [[]]),
        ([[], [[1], [2]]], [[], [1]], [[1, 2], [2]]),
    ],
)
def test_short_documents_make_pairs_too(documents, firsts, seconds):
    found = sentence_pairs(documents, 9, np.random.default_rng(1))
    assert (found[0], found[1]) == (firsts, seconds)


def test_a_row_is_a_pair_with_its_label(tokenizer):
    preprocessor = NextSentencePreprocessor(tokenizer, 12, seed=2)
    x, y, weights = preprocessor(DOCUMENTS)
    assert x["token_ids"].shape == (3, 12)
    assert set(y.tolist()) <= {0, 1}
    assert weights.tolist() == [1, 1, 1]
    assert (x["token_ids"] == 3).sum(axis=1).tolist() == [2, 2, 2]
    assert (x["segment_ids"].sum(axis=1) > 0).all()
    passes = [str(preprocessor(DOCUMENTS)[0]["token_ids"].tolist()) for _ in range(6)]
    assert len(set(passes)) > 1
    copy = NextSentencePreprocessor.from_config(preprocessor.get_config())
    np.testing.assert_array_equal(copy(DOCUMENTS)[0]["token_ids"], x["token_ids"])


def test_pairs_have_labels_of_their_own(tokenizer):
    preprocessor = NextSentencePreprocessor(tokenizer, 8)
    x, y = preprocessor((["a"], ["b"]), np.array([1]))
    assert x["token_ids"].tolist() == [[2, 5, 3, 6, 3, 0, 0, 0]]
    assert y.tolist() == [1]
    with pytest.raises(DataError, match="labelled as they are made"):
        preprocessor(DOCUMENTS, [0, 1, 0])


def test_pairs_are_masked(tokenizer):
    preprocessor = MaskedLMAndNextSentencePreprocessor(tokenizer, 12, mask_selection_rate=0.5)
    x, y, weights = preprocessor(DOCUMENTS, sample_weight=[1.0, 2.0, 0.0])
    assert x["mask_positions"].shape == y["masked_lm"].shape == (3, 6)
    assert y["next_sentence"].shape == (3,)
    assert set(weights["masked_lm"][1]) <= {0.0, 2.0}
    assert not weights["masked_lm"][2].any()
    assert weights["next_sentence"] == [1.0, 2.0, 0.0]
    config = preprocessor.get_config()
    assert MaskedLMAndNextSentencePreprocessor.from_config(config).get_config() == config


def test_tensorflow_pipelines_take_documents(tokenizer):
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(DOCUMENTS).batch(3)
    x, y, weights = next(iter(dataset.map(NextSentencePreprocessor(tokenizer, 12))))
    assert (x["token_ids"].shape, y.shape, weights.shape) == ((3, 12), (3,), (3,))
    joint = MaskedLMAndNextSentencePreprocessor(tokenizer, 12, mask_selection_length=2)
    x, y, weights = next(iter(dataset.map(joint)))
    assert x["mask_positions"].shape == weights["masked_lm"].shape == (3, 2)
