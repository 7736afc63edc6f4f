import numpy as np
import pytest

from hornbook.errors import DataError, HornbookWarning, TokenizerError
from hornbook.preprocessing import EncoderPreprocessor, MaskedLMPreprocessor
from hornbook.tokenizers import WordPieceTokenizer

TEXTS = ["a b c d e a b c", "e d"]


@pytest.fixture
def tokenizer():
    """Ids: [PAD] 0, [CLS] 2, [SEP] 3, [MASK] 4, a 5, b 6, c 7, d 8, e 9."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return WordPieceTokenizer([*special, *"abcde"], special_tokens_in_strings=True)


def test_what_was_masked_are_the_labels(tokenizer):
    rates = {"mask_selection_rate": 0.5, "mask_token_rate": 1.0, "random_token_rate": 0.0}
    x, y, weights = MaskedLMPreprocessor(tokenizer, 12, seed=1, **rates)(TEXTS)
    whole = EncoderPreprocessor(tokenizer, 12)(TEXTS)
    assert x["mask_positions"].shape == y.shape == weights.shape == (2, 6)
    assert weights.sum(axis=1).tolist() == [4, 1]
    restored = x["token_ids"].copy()
    for row, counts in enumerate(weights.astype(bool)):
        places = x["mask_positions"][row][counts]
        assert (restored[row, places] == 4).all()
        restored[row, places] = y[row][counts]
    np.testing.assert_array_equal(restored, whole["token_ids"])
    for name in ("segment_ids", "padding_mask"):
        np.testing.assert_array_equal(x[name], whole[name])


def test_each_pass_masks_other_tokens_and_a_seed_makes_them_again(tokenizer):
    first, second = (MaskedLMPreprocessor(tokenizer, 12, seed=5) for _ in range(2))
    passes = [[p(TEXTS)[0]["mask_positions"].tolist() for _ in range(8)] for p in (first, second)]
    assert passes[0] == passes[1]
    assert len({str(places) for places in passes[0]}) > 1
    copy = MaskedLMPreprocessor.from_config(first.get_config())
    assert copy.get_config() == first.get_config()
    assert [copy(TEXTS)[0]["mask_positions"].tolist() for _ in range(8)] == passes[0]


def test_special_tokens_are_never_masked(tokenizer):
    preprocessor = MaskedLMPreprocessor(tokenizer, 6, mask_selection_rate=1.0)
    x, y, weights = preprocessor((["a", "b c"], ["d", "e"]))
    assert weights.sum(axis=1).tolist() == [2, 3]
    assert not np.isin(y[weights > 0], [0, 1, 2, 3, 4]).any()
    assert x["token_ids"][0, [0, 2, 4]].tolist() == [2, 3, 3]


def test_widths_follow_the_rows_and_the_limit(tokenizer):
    preprocessor = MaskedLMPreprocessor(tokenizer, 100)
    assert preprocessor(TEXTS)[1].shape == (2, 15)
    assert preprocessor(TEXTS, pad_to="longest")[1].shape == (2, 3)
    limited = MaskedLMPreprocessor(tokenizer, 100, mask_selection_length=2)
    assert limited(TEXTS, pad_to="longest")[1].shape == (2, 2)
    assert preprocessor("a b c")[1].shape == (15,)


def test_weights_of_rows_weigh_their_tokens(tokenizer):
    preprocessor = MaskedLMPreprocessor(tokenizer, 12)
    weights = preprocessor(TEXTS, sample_weight=[2.0, 0.5])[2]
    assert weights.tolist() == [[2.0, 2.0], [0.5, 0.0]]
    with pytest.warns(HornbookWarning, match="Labels were given"):
        preprocessor(TEXTS, [1, 2])


def test_masks_in_texts_are_where_predictions_are_made(tokenizer):
    x = MaskedLMPreprocessor(tokenizer, 8).predict_preprocess(["a [MASK] b [MASK]", "[MASK]", "a"])
    assert x["mask_positions"].tolist() == [[2, 4], [1, 0], [0, 0]]


def test_tensorflow_pipelines_take_it(tokenizer):
    tf = pytest.importorskip("tensorflow")
    preprocessor = MaskedLMPreprocessor(tokenizer, 12, mask_selection_length=3)
    dataset = tf.data.Dataset.from_tensor_slices(TEXTS).batch(2).map(preprocessor)
    assert dataset.element_spec[0]["token_ids"].shape == (None, 12)
    assert dataset.element_spec[1].shape == (None, 3)
    x, y, weights = next(iter(dataset))
    assert x["mask_positions"].shape == y.shape == weights.shape == (2, 3)


def test_what_makes_no_sense_is_refused(tokenizer):
    with pytest.raises(TokenizerError, match="no mask_token"):
        MaskedLMPreprocessor(WordPieceTokenizer(["[UNK]", "[CLS]", "[SEP]", "a"]))
    with pytest.raises(DataError, match=r"mask_selection_rate is 1\.5"):
        MaskedLMPreprocessor(tokenizer, mask_selection_rate=1.5)
    with pytest.raises(DataError, match="mask_selection_length is 0"):
        MaskedLMPreprocessor(tokenizer, mask_selection_length=0)
