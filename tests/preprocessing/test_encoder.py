import json

import numpy as np
import pytest

from hornbook.errors import DataError, TokenizerError
from hornbook.preprocessing import EncoderPreprocessor
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.spec import TokenizerSpec, make_tokenizer_class
from hornbook.tokenizers.word_piece import WordPieceTokenizer

WORDS = ["[PAD]", "[UNK]", "[BOS]", "[EOS]", "a", "b", "c", "d", "e"]


def rows(x):
    return x["token_ids"].tolist(), x["segment_ids"].tolist(), x["padding_mask"].tolist()


def test_one_text_stands_between_special_tokens(encoder_tokenizer):
    token_ids, segment_ids, mask = rows(EncoderPreprocessor(encoder_tokenizer, 4)(["a b c", "d"]))
    assert token_ids == [[2, 4, 5, 3], [2, 7, 3, 0]]
    assert segment_ids == [[0, 0, 0, 0], [0, 0, 0, 0]]
    assert mask == [[1, 1, 1, 1], [1, 1, 1, 0]]


FIRSTS, SECONDS = ["a b c", "a"], ["d", "d e d e"]


@pytest.mark.parametrize(
    "pairs",
    [
        (FIRSTS, SECONDS),
        (np.array(FIRSTS), np.array(SECONDS)),
        [("a b c", "d"), ("a", "d e d e")],
        np.array([FIRSTS, SECONDS]).T,
    ],
)
def test_pairs_come_as_columns_or_rows(encoder_tokenizer, pairs):
    token_ids, segment_ids, mask = rows(EncoderPreprocessor(encoder_tokenizer, 7)(pairs))
    assert token_ids == [[2, 4, 5, 6, 3, 7, 3], [2, 4, 3, 7, 8, 7, 3]]
    assert segment_ids == [[0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 1]]
    assert np.all(mask)


def test_labels_and_weights_pass_through(encoder_tokenizer):
    preprocessor = EncoderPreprocessor(encoder_tokenizer, 4)
    assert isinstance(preprocessor(["a"]), dict)
    assert preprocessor(["a"], y=[1])[1] == [1]
    assert preprocessor(["a"], y=[1], sample_weight=[0.5])[1:] == ([1], [0.5])
    assert preprocessor("a")["token_ids"].shape == (4,)


def test_padding_to_the_longest_only(encoder_tokenizer):
    preprocessor = EncoderPreprocessor(encoder_tokenizer, 512)
    texts = ["a " * 20, "b"]
    assert preprocessor(texts)["token_ids"].shape == (2, 512)
    short = preprocessor(texts, pad_to="longest")
    assert {array.shape for array in short.values()} == {(2, 24)}
    np.testing.assert_array_equal(short["token_ids"], preprocessor(texts)["token_ids"][:, :24])


def test_start_and_end_tokens_stand_in_for_cls_and_sep(tokenizer):
    assert EncoderPreprocessor(tokenizer, 4)("a")["token_ids"].tolist() == [2, 4, 3, 0]
    with pytest.raises(TokenizerError, match="cls_token or start_token"):
        EncoderPreprocessor(WordPieceTokenizer(["[UNK]", "a"]))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ((["a"], ["b", "c"]), "columns of 1 and 2"),
        ((["a"], ["b"], ["c"]), "3 columns"),
        ([("a", "b"), ("c",)], "as many in each row"),
    ],
)
def test_columns_that_do_not_fit_are_an_error(encoder_tokenizer, x, message):
    with pytest.raises(DataError, match=message):
        EncoderPreprocessor(encoder_tokenizer)(x)


def test_config_is_json_and_builds_an_equal_preprocessor(encoder_tokenizer):
    preprocessor = EncoderPreprocessor(encoder_tokenizer, 9)
    copy = EncoderPreprocessor.from_config(json.loads(json.dumps(preprocessor.get_config())))
    assert copy.get_config() == preprocessor.get_config()
    assert rows(copy(["a b"])) == rows(preprocessor(["a b"]))


def test_a_waterfall_keeps_the_first_text(encoder_tokenizer):
    preprocessor = EncoderPreprocessor(encoder_tokenizer, 7, truncate="waterfall")
    token_ids, segment_ids, _ = rows(preprocessor((["a b c"], ["d e d"])))
    assert token_ids == [[2, 4, 5, 6, 3, 7, 3]]
    assert segment_ids == [[0, 0, 0, 0, 0, 1, 1]]
    again = EncoderPreprocessor.from_config(json.loads(json.dumps(preprocessor.get_config())))
    assert rows(again((["a b c"], ["d e d"])))[0] == token_ids
    with pytest.raises(DataError, match="'round_robin' or 'waterfall'"):
        EncoderPreprocessor(encoder_tokenizer, 7, truncate="longest_first")


def test_a_family_lays_out_its_rows():
    template = RowTemplate(between=("sep_token", "sep_token"), second_segment=0)
    spec = TokenizerSpec(WordPieceTokenizer, row_template=template)
    kind = make_tokenizer_class("Twice", spec, "Two separators.")
    preprocessor = EncoderPreprocessor(kind([*WORDS, "[CLS]", "[SEP]"]), 9)
    made = preprocessor((["a"], ["b"]))
    assert made["token_ids"].tolist() == [[9, 4, 10, 10, 5, 10, 0, 0, 0]]
    assert made["segment_ids"].sum() == 0
    engine = preprocessor.tokenizer.engine
    assert engine.encode_batch(["a"], add_special_tokens=True) == [[9, 4, 10]]
