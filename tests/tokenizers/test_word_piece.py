import pytest
from transformers import BertTokenizer

from hornbook.errors import TokenizerError
from hornbook.tokenizers import WordPieceTokenizer
from nasty_strings import NASTY_STRINGS

VOCABULARY = ["[UNK]", "the", "qu", "##ick", "br", "##own", "fox", "."]


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("strip_accents", [False, True])
@pytest.mark.parametrize("split_on_cjk", [False, True])
def test_ids_and_text_equal_the_original(word_pieces, lowercase, strip_accents, split_on_cjk):
    ours = WordPieceTokenizer(
        word_pieces,
        lowercase=lowercase,
        strip_accents=strip_accents,
        split_on_cjk=split_on_cjk,
        special_tokens_in_strings=True,
    )
    theirs = BertTokenizer(
        vocab={token: index for index, token in enumerate(word_pieces)},
        do_lower_case=lowercase,
        strip_accents=strip_accents,
        tokenize_chinese_chars=split_on_cjk,
    )
    for text, ids in zip(NASTY_STRINGS, ours.encode_batch(NASTY_STRINGS, True), strict=True):
        assert ids == theirs.encode(text), text
        assert ours.detokenize(ids) == theirs.decode(ids), text
        assert ours.detokenize(ids, skip_special_tokens=True) == theirs.decode(
            ids, skip_special_tokens=True
        )


def test_the_documented_example():
    tokenizer = WordPieceTokenizer(VOCABULARY, lowercase=True)
    assert tokenizer("The quick brown fox.").tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert tokenizer.detokenize([1, 2, 3, 4, 5, 6, 7]) == "the quick brown fox."


def test_pieces_may_be_marked_otherwise():
    vocabulary = [token.replace("##", "@@") for token in VOCABULARY]
    tokenizer = WordPieceTokenizer(vocabulary, suffix_indicator="@@")
    assert tokenizer("quick").tolist() == [2, 3]
    assert tokenizer.detokenize([2, 3]) == "quick"


def test_words_that_are_already_split_are_not_split_further():
    tokenizer = WordPieceTokenizer([*VOCABULARY, "fox."], lowercase=True, split=False)
    assert tokenizer(["The", "quick", "fox."]).tolist() == [1, 2, 3, 8]
    rows = tokenizer([["The", "fox"], ["quick"]])
    assert [row.tolist() for row in rows] == [[1, 6], [2, 3]]
    padded = WordPieceTokenizer(VOCABULARY, split=False, sequence_length=3)
    assert padded([["the"], ["quick", "fox", "fox"]]).tolist() == [[1, 0, 0], [2, 3, 6]]


def test_special_tokens_in_a_text_are_text_unless_asked_for(word_pieces):
    plain = WordPieceTokenizer(word_pieces)
    assert plain.cls_token_id not in plain.encode("[CLS] a")
    aware = WordPieceTokenizer(word_pieces, special_tokens_in_strings=True)
    assert aware.encode("[CLS] a")[0] == aware.cls_token_id


def test_roles_follow_the_names_in_the_vocabulary():
    tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[BOS]", "<end>", "a"])
    assert tokenizer.pad_token_id == 0
    assert tokenizer.unk_token_id == 1
    assert tokenizer.start_token_id == 2
    assert tokenizer.end_token is None
    assert tokenizer.mask_token_id is None
    named = WordPieceTokenizer(
        ["[PAD]", "[UNK]", "[BOS]", "<end>", "a"], special_tokens={"end_token": "<end>"}
    )
    assert named.end_token_id == 3


def test_the_original_adds_cls_and_sep_and_we_know_it(word_piece):
    cls, sep = word_piece.cls_token_id, word_piece.sep_token_id
    assert word_piece.engine.added.prefix == (cls,)
    assert word_piece.engine.added.suffix == (sep,)
    inner = word_piece.encode("the states")
    assert word_piece.encode("the states", add_special_tokens=True) == [cls, *inner, sep]


def test_a_vocabulary_file_has_one_token_a_line(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    assert WordPieceTokenizer(path).get_vocabulary() == VOCABULARY


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        (["a", "b"], r"Not in the vocabulary: '\[UNK\]'"),
        (["[UNK]", "a", "a"], "'a' occurs twice"),
        ("no/vocab.txt", "no/vocab.txt"),
    ],
)
def test_bad_vocabularies_are_one_clear_error(vocabulary, message):
    with pytest.raises(TokenizerError, match=message):
        WordPieceTokenizer(vocabulary)
