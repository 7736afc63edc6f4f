import numpy as np
import pytest

from hornbook.errors import DataError, HornbookWarning
from hornbook.preprocessing import EncoderPreprocessor, ReplacedTokenPreprocessor
from hornbook.tokenizers import WordPieceTokenizer

TEXTS = ["a b c d e a b c", "e d"]


@pytest.fixture
def tokenizer():
    """Ids: [PAD] 0, [CLS] 2, [SEP] 3, [MASK] 4, a 5, b 6, c 7, d 8, e 9."""
    return WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcde"])


def test_labels_say_where_another_token_stands(tokenizer):
    whole = EncoderPreprocessor(tokenizer, 12)(TEXTS)
    preprocessor = ReplacedTokenPreprocessor(tokenizer, 12, replacement_rate=0.5, seed=1)
    replaced = 0
    for _ in range(20):
        x, y, weights = preprocessor(TEXTS)
        np.testing.assert_array_equal(y, x["token_ids"] != whole["token_ids"])
        np.testing.assert_array_equal(weights, whole["padding_mask"])
        special = np.isin(whole["token_ids"], [0, 2, 3])
        assert not y[special].any()
        assert (y.sum(axis=1) <= [4, 1]).all()
        replaced += y.sum()
        for name in ("segment_ids", "padding_mask"):
            np.testing.assert_array_equal(x[name], whole[name])
    assert replaced > 60  # of 100 drawn, a tenth of which are what was there


def test_a_seed_makes_the_same_again(tokenizer):
    first, second = (ReplacedTokenPreprocessor(tokenizer, 12, seed=5) for _ in range(2))
    passes = [[p(TEXTS)[1].tolist() for _ in range(8)] for p in (first, second)]
    assert passes[0] == passes[1]
    assert len({str(labels) for labels in passes[0]}) > 1
    copy = ReplacedTokenPreprocessor.from_config(first.get_config())
    assert copy.get_config() == first.get_config()
    assert [copy(TEXTS)[1].tolist() for _ in range(8)] == passes[0]


def test_predictions_are_made_of_texts_as_they_are(tokenizer):
    x = ReplacedTokenPreprocessor(tokenizer, 8).predict_preprocess(["a b"])
    assert x["token_ids"].tolist() == [[2, 5, 6, 3, 0, 0, 0, 0]]


def test_weights_of_rows_and_what_makes_no_sense(tokenizer):
    preprocessor = ReplacedTokenPreprocessor(tokenizer, 5)
    assert preprocessor(["a"], sample_weight=[2.0])[2].tolist() == [[2.0, 2.0, 2.0, 0.0, 0.0]]
    with pytest.warns(HornbookWarning, match="Labels were given"):
        preprocessor(TEXTS, [1, 2])
    with pytest.raises(DataError, match=r"is 1\.5"):
        ReplacedTokenPreprocessor(tokenizer, replacement_rate=1.5)


def test_tensorflow_pipelines_take_it(tokenizer):
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(TEXTS).batch(2)
    x, y, weights = next(iter(dataset.map(ReplacedTokenPreprocessor(tokenizer, 12))))
    assert x["token_ids"].shape == y.shape == weights.shape == (2, 12)
