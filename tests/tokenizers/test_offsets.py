import numpy as np
import pytest
import tokenizers

from hornbook.errors import TokenizerError
from hornbook.tokenizers import (
    BytePairTokenizer,
    ByteTokenizer,
    SentencePieceTokenizer,
    UnicodeCodepointTokenizer,
    WordPieceTokenizer,
)
from nasty_strings import NASTY_STRINGS


def every_kind(request):
    return [
        WordPieceTokenizer(request.getfixturevalue("word_pieces"), lowercase=True),
        BytePairTokenizer(*request.getfixturevalue("byte_pair_parts")),
        SentencePieceTokenizer(request.getfixturevalue("bpe_proto")),
        SentencePieceTokenizer(request.getfixturevalue("unigram_proto")),
        ByteTokenizer(),
        UnicodeCodepointTokenizer(normalization_form="NFKC"),
    ]


def test_offsets_of_every_kind_lie_in_the_text_and_belong_to_the_ids(request):
    for tokenizer in every_kind(request):
        rows, offsets = tokenizer.encode_with_offsets(NASTY_STRINGS)
        assert rows == tokenizer.encode_batch(NASTY_STRINGS)
        for text, ids, places in zip(NASTY_STRINGS, rows, offsets, strict=True):
            assert places.shape == (len(ids), 2)
            assert places.dtype == np.int32
            starts, ends = places.T
            assert ((starts >= 0) & (starts <= ends) & (ends <= len(text))).all()
            assert (np.diff(starts) >= 0).all()
            assert (np.diff(ends) >= 0).all()
            for start, end in places:
                assert text[start:end] == text[start:end].strip()


def test_nothing_of_a_text_but_its_spaces_is_left_out(request):
    text = "The Zürich  library,\nreopened in 1917 日本"
    for tokenizer in every_kind(request):
        _, (offsets,) = tokenizer.encode_with_offsets([text])
        covered = {at for start, end in offsets for at in range(start, end)}
        assert covered == {at for at, char in enumerate(text) if not char.isspace()}


def test_offsets_are_those_of_the_rust_library(word_pieces):
    tokenizer = WordPieceTokenizer(word_pieces, lowercase=True)
    theirs = tokenizers.Tokenizer.from_str(tokenizer.engine.to_json())
    theirs.encode_special_tokens = True  # which no file says
    for text in NASTY_STRINGS:
        _, (offsets,) = tokenizer.encode_with_offsets([text])
        assert offsets.tolist() == [
            list(place) for place in theirs.encode(text, add_special_tokens=False).offsets
        ]


def test_a_space_that_a_token_begins_with_is_left_out(byte_pair_parts, unigram_proto):
    for tokenizer in (
        BytePairTokenizer(*byte_pair_parts),
        SentencePieceTokenizer(unigram_proto),
    ):
        (ids,), (offsets,) = tokenizer.encode_with_offsets(["of the people"])
        assert [3, 6] in offsets.tolist()
        assert tokenizer.detokenize(ids).strip() == "of the people"


def test_special_tokens_in_a_text_have_their_place(bpe_proto):
    text = "é the <s>the union</s>"
    (ids,), (offsets,) = SentencePieceTokenizer(bpe_proto).encode_with_offsets([text])
    for token, number in (("<s>", 1), ("</s>", 2)):
        start, end = offsets[ids.index(number)]
        assert text[start:end] == token


def test_folded_and_composed_characters_keep_their_place():
    _, (offsets,) = ByteTokenizer().encode_with_offsets(["Straße é"])
    assert offsets.tolist()[4:] == [[4, 5], [4, 5], [5, 6], [7, 7], [7, 8], [7, 8]]
    composed = UnicodeCodepointTokenizer(normalization_form="NFC")
    _, (offsets,) = composed.encode_with_offsets(["xe\u0301y"])
    assert offsets.tolist() == [[0, 1], [1, 3], [3, 4]]


def test_no_text_has_no_offsets(word_pieces):
    tokenizer = WordPieceTokenizer(word_pieces)
    assert tokenizer.encode_with_offsets([]) == ([], [])
    with pytest.raises(TokenizerError, match="Text 1 is int"):
        tokenizer.encode_with_offsets(["a", 3])
