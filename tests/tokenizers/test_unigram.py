import numpy as np
import pytest

from hornbook.errors import TokenizerError
from hornbook.tokenizers import (
    SentencePieceTokenizer,
    TokenizerSpec,
    UnigramTokenizer,
    compute_sentence_piece_proto,
    make_tokenizer_class,
)
from hornbook.tokenizers.kinds import as_class
from hornbook.tokenizers.row_template import RowTemplate
from nasty_strings import NASTY_STRINGS

TEXTS = ["the quick brown fox", "a lazy dog sleeps", "the dog and the fox", *NASTY_STRINGS]
SPECIAL = {"cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "unk_token": "<unk>"}


@pytest.fixture(scope="module")
def proto():
    return compute_sentence_piece_proto(TEXTS, 300)


@pytest.fixture(scope="module")
def kind():
    options = {
        "first_tokens": ("<s>", "<pad>", "</s>", "<unk>"),
        "last_tokens": ("<mask>",),
        "lowercase": True,
    }
    special = {**SPECIAL, "mask_token": "<mask>"}
    spec = TokenizerSpec(UnigramTokenizer, special, options, row_template=RowTemplate())
    return make_tokenizer_class("Shifted", spec, "As fairseq lays its ids out.")


def test_pieces_are_those_of_the_sentence_piece_library(proto):
    ours, theirs = UnigramTokenizer(proto), SentencePieceTokenizer(proto)
    assert ours.engine.vocabulary() == theirs.engine.vocabulary()
    text = "The quick fox and the lazy dog."
    assert ours.encode(text) == theirs.encode(text)


def test_own_tokens_stand_around_the_pieces(proto, kind):
    tokenizer, plain = kind(proto), UnigramTokenizer(proto)
    tokens = [tokenizer.id_to_token(index) for index in range(tokenizer.vocabulary_size())]
    pieces = [plain.id_to_token(index) for index in range(plain.vocabulary_size())]
    assert tokens == ["<s>", "<pad>", "</s>", "<unk>", *pieces[4:], "<mask>"]
    ids = tokenizer.encode("the fox", add_special_tokens=True)
    assert ids == [0, *(index for index in plain.encode("the fox")), 2]
    assert tokenizer.encode("the <mask> fox").count(tokenizer.mask_token_id) == 1


def test_texts_are_normalized_first(proto):
    options = {"lowercase": True, "strip_accents": True, "plain_quotes": True}
    tokenizer = UnigramTokenizer(proto, **options)
    assert tokenizer.encode("THÉ ``fox''") == UnigramTokenizer(proto).encode('the "fox"')


@pytest.mark.parametrize("name", ["spiece.model", "sentencepiece.bpe.model"])
def test_a_folder_with_the_model_alone_is_laid_out_alike(name, proto, kind, tmp_path):
    (tmp_path / name).write_bytes(proto)
    tokenizer = kind.from_folder(tmp_path)
    assert type(tokenizer) is kind
    assert tokenizer.engine.vocabulary() == kind(proto).engine.vocabulary()
    assert tokenizer.mask_token == "<mask>"
    for text in NASTY_STRINGS:
        assert tokenizer.encode(text) == kind(proto).encode(text)
    plain = SentencePieceTokenizer.from_folder(tmp_path)
    assert as_class(plain, kind).engine.vocabulary() == tokenizer.engine.vocabulary()


def test_it_is_saved_and_configured_as_it_was(proto, kind, tmp_path):
    tokenizer = kind(proto)
    tokenizer.save(tmp_path)
    for again in (kind.from_folder(tmp_path), kind.from_config(tokenizer.get_config())):
        assert again.get_config()["engine"] == tokenizer.get_config()["engine"]
        np.testing.assert_array_equal(again("the fox"), tokenizer("the fox"))


def test_what_is_no_unigram_model_is_refused(proto):
    with pytest.raises(TokenizerError, match="is of type bpe; expected unigram"):
        UnigramTokenizer(compute_sentence_piece_proto(TEXTS, 300, model_type="bpe"))
    with pytest.raises(TokenizerError, match="Not a SentencePiece model"):
        UnigramTokenizer(b"\xff\xff")
    with pytest.raises(TokenizerError, match="'<missing>'"):
        UnigramTokenizer(proto, special_tokens={"mask_token": "<missing>"})
