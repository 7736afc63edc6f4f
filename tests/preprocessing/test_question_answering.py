"""Questions and contexts in windows, with answers found again in the text's characters."""

import numpy as np
import pytest
from transformers import BertTokenizerFast

from hornbook.errors import DataError
from hornbook.preprocessing import QuestionAnsweringPreprocessor
from hornbook.tokenizers import WordPieceTokenizer

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "?", *"abcdefghijklm", "##x"]
SPECIAL = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
QUESTIONS = ["who?", "who who?", "a?"]
CONTEXTS = ["a bx c, d  e f", "Gx", " a b c d e f g h i j k l m a b c d e f g h i j"]


@pytest.fixture
def tokenizer():
    return WordPieceTokenizer(VOCABULARY, lowercase=True, special_tokens=SPECIAL)


@pytest.mark.parametrize(("length", "stride"), [(12, 2), (16, 5), (9, 0), (64, 8)])
def test_windows_are_those_of_transformers(tokenizer, length, stride, tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY))
    theirs = BertTokenizerFast.from_pretrained(tmp_path)
    expected = theirs(
        QUESTIONS, CONTEXTS, truncation="only_second", stride=stride, max_length=length,
        padding="max_length", return_overflowing_tokens=True, return_offsets_mapping=True,
    )  # fmt: skip
    preprocessor = QuestionAnsweringPreprocessor(tokenizer, length, stride)
    windows = preprocessor.windows(QUESTIONS, CONTEXTS)
    assert windows.features["token_ids"].tolist() == expected["input_ids"]
    assert windows.features["segment_ids"].tolist() == expected["token_type_ids"]
    assert windows.features["padding_mask"].astype(int).tolist() == expected["attention_mask"]
    assert windows.examples.tolist() == expected["overflow_to_sample_mapping"]
    assert (windows.nothing == 0).all()
    for row, offsets in enumerate(windows.offsets.tolist()):
        segments = expected.sequence_ids(row)
        assert offsets == [
            list(place) if segment == 1 else [-1, -1]
            for place, segment in zip(expected["offset_mapping"][row], segments, strict=True)
        ]


@pytest.mark.parametrize("length", [9, 14, 64])
def test_labels_lead_back_to_the_answer(tokenizer, length):
    preprocessor = QuestionAnsweringPreprocessor(tokenizer, length, 2)
    answers = [(2, "bx c"), None, (CONTEXTS[2].index("k l"), " k l"[1:])]
    x, y = preprocessor((QUESTIONS, CONTEXTS), answers)
    assert y.dtype == np.int32
    windows = preprocessor.windows(QUESTIONS, CONTEXTS)
    found = {row: set() for row in range(3)}
    for row, (first, last) in enumerate(y):
        example = windows.examples[row]
        assert x["padding_mask"][row, last]
        if first == 0:
            assert last == 0
            continue
        start, end = windows.offsets[row, first, 0], windows.offsets[row, last, 1]
        found[example].add(CONTEXTS[example][start:end])
    assert found == {0: {"bx c"}, 1: set(), 2: {"k l"}}


def test_answers_in_all_their_forms(tokenizer):
    preprocessor = QuestionAnsweringPreprocessor(tokenizer, 20, 2)
    x = QUESTIONS[:2], CONTEXTS[:2]
    _, expected = preprocessor(x, [(2, "bx"), None])
    for y in (
        [(2, "bx"), (-1, "")],
        [{"answer_start": [2, 8], "text": ["bx", "d"]}, {"answer_start": [], "text": []}],
        [{"answer_start": 2, "text": "bx"}, None],
        {"start": [2, -1], "text": ["bx", ""]},
        [(1, " bx "), None],
    ):
        assert preprocessor(x, y)[1].tolist() == expected.tolist() == [[5, 6], [0, 0]]
    assert preprocessor(list(zip(*x, strict=True)), y)[1].tolist() == expected.tolist()
    assert isinstance(preprocessor(x), dict)


def test_each_window_has_its_question_s_weight(tokenizer):
    preprocessor = QuestionAnsweringPreprocessor(tokenizer, 12, 2)
    x, y, weights = preprocessor((QUESTIONS, CONTEXTS), [None] * 3, [1.0, 2.0, 3.0])
    assert len(x["token_ids"]) == len(y) == len(weights) > 3
    assert (np.diff(weights) >= 0).all()
    assert set(weights) == {1.0, 2.0, 3.0}


def test_a_long_question_leaves_room_for_the_context(tokenizer):
    preprocessor = QuestionAnsweringPreprocessor(tokenizer, 11, 100)
    windows = preprocessor.windows(["a " * 30], ["b c d e f g h"])
    assert (windows.features["token_ids"] == tokenizer.token_to_id("a")).sum(1).tolist() == [4] * 3
    assert (windows.offsets[:, :, 0] >= 0).sum(1).tolist() == [4, 4, 3]


def test_it_is_made_again_from_its_config(tokenizer):
    preprocessor = QuestionAnsweringPreprocessor(tokenizer, 12, 3)
    again = QuestionAnsweringPreprocessor.from_config(preprocessor.get_config())
    assert again.get_config() == preprocessor.get_config()
    assert (again.sequence_length, again.stride) == (12, 3)


def test_bad_input(tokenizer):
    preprocessor = QuestionAnsweringPreprocessor(tokenizer, 12, 2)
    with pytest.raises(DataError, match=r"'bx'.* to question 0 .*character 3 .*'x '"):
        preprocessor((["who?"], ["a bx c"]), [(3, "bx")])
    with pytest.raises(DataError, match="1 contexts, but 2 answers"):
        preprocessor((["who?"], ["a bx c"]), [None, None])
    with pytest.raises(DataError, match="Expected questions and the texts"):
        preprocessor(["who?"])
    with pytest.raises(DataError, match="stride is -1"):
        QuestionAnsweringPreprocessor(tokenizer, 12, -1)
    with pytest.raises(DataError, match="sequence_length is 4; expected 5 or more"):
        QuestionAnsweringPreprocessor(tokenizer, 4)((["who?"], ["a"]))
