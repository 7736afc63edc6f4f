import inspect

import pytest

from hornbook.errors import TokenizerError
from hornbook.tokenizers import (
    BytePairTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    TokenizerSpec,
    WordPieceTokenizer,
    make_tokenizer_class,
)

END = TokenizerSpec(BytePairTokenizer, {"end_token": "<|endoftext|>"}, hf_class="GPT2Tokenizer")


def test_a_class_has_its_base_s_signature_with_its_own_defaults(word_pieces):
    spec = TokenizerSpec(WordPieceTokenizer, options={"lowercase": True})
    cls = make_tokenizer_class("MyTokenizer", spec, "Mine.", module="somewhere")
    parameters = inspect.signature(cls).parameters
    assert list(parameters) == list(inspect.signature(WordPieceTokenizer).parameters)
    assert parameters["lowercase"].default is True
    assert (cls.__name__, cls.__module__, cls.__doc__) == ("MyTokenizer", "somewhere", "Mine.")
    assert cls(word_pieces).encode("THE") == cls(word_pieces).encode("the")
    assert cls(word_pieces, lowercase=False).encode("THE") != cls(word_pieces).encode("the")
    assert cls(word_pieces, None, False).encode("THE") != cls(word_pieces).encode("the")


def test_special_tokens_are_filled_in_and_can_be_replaced(byte_pair_parts):
    cls = make_tokenizer_class("MyTokenizer", END, "Mine.")
    vocabulary, merges = byte_pair_parts
    assert cls(vocabulary, merges).end_token_id == 0
    assert cls(vocabulary, merges).start_token is None
    assert cls(vocabulary, merges, special_tokens={"end_token": "a"}).end_token == "a"
    with pytest.raises(TokenizerError, match="endoftext"):
        cls({"a": 0}, [])


def test_files_fill_in_what_the_class_leaves_open(byte_pair, tmp_path):
    BytePairTokenizer.from_engine(byte_pair.engine).save(tmp_path)
    cls = make_tokenizer_class("MyTokenizer", END, "Mine.")
    assert Tokenizer.from_folder(tmp_path).end_token is None
    loaded = cls.from_folder(tmp_path)
    assert isinstance(loaded, cls)
    assert loaded.end_token == "<|endoftext|>"
    assert type(cls.from_config(loaded.get_config())) is cls


def test_a_file_of_another_kind_is_refused(minilm_folder, bpe_proto):
    cls = make_tokenizer_class("MyTokenizer", END, "Mine.")
    with pytest.raises(TokenizerError, match="MyTokenizer can't use a tokenizer of type WordPiece"):
        cls.from_folder(minilm_folder)
    piece = SentencePieceTokenizer(bpe_proto)
    with pytest.raises(TokenizerError, match=r"type BPE with U\+2581"):
        cls.from_config(piece.get_config())
    both = TokenizerSpec(BytePairTokenizer, also=(SentencePieceTokenizer,))
    wide = make_tokenizer_class("MyTokenizer", both, "Mine.")
    assert wide.from_config(piece.get_config()).encode("the") == piece.encode("the")


def test_an_option_that_the_base_lacks_is_a_programming_error():
    with pytest.raises(TypeError, match="lowercase"):
        make_tokenizer_class("X", TokenizerSpec(BytePairTokenizer, options={"lowercase": 1}), "")
