"""Tokenizers: text to token ids and back.

They are Rust (`tokenizers`) or C++ (`sentencepiece`) inside and need neither Keras nor TensorFlow.
"""

from typing import TYPE_CHECKING, Any

from hornbook.lazy import load

if TYPE_CHECKING:
    from hornbook.tokenizers.byte import ByteTokenizer
    from hornbook.tokenizers.byte_pair import BytePairTokenizer
    from hornbook.tokenizers.sentence_piece import SentencePieceTokenizer
    from hornbook.tokenizers.spec import TokenizerSpec, make_tokenizer_class
    from hornbook.tokenizers.stream import StreamDecoder
    from hornbook.tokenizers.tokenizer import Tokenizer
    from hornbook.tokenizers.trainers import (
        compute_byte_pair_vocabulary,
        compute_sentence_piece_proto,
        compute_word_piece_vocabulary,
    )
    from hornbook.tokenizers.unicode_codepoint import UnicodeCodepointTokenizer
    from hornbook.tokenizers.unigram import UnigramTokenizer
    from hornbook.tokenizers.word_piece import WordPieceTokenizer

__all__ = [
    "BytePairTokenizer",
    "ByteTokenizer",
    "SentencePieceTokenizer",
    "StreamDecoder",
    "Tokenizer",
    "TokenizerSpec",
    "UnicodeCodepointTokenizer",
    "UnigramTokenizer",
    "WordPieceTokenizer",
    "compute_byte_pair_vocabulary",
    "compute_sentence_piece_proto",
    "compute_word_piece_vocabulary",
    "make_tokenizer_class",
]

_EXPORTS = {
    "BytePairTokenizer": "hornbook.tokenizers.byte_pair",
    "ByteTokenizer": "hornbook.tokenizers.byte",
    "SentencePieceTokenizer": "hornbook.tokenizers.sentence_piece",
    "StreamDecoder": "hornbook.tokenizers.stream",
    "Tokenizer": "hornbook.tokenizers.tokenizer",
    "TokenizerSpec": "hornbook.tokenizers.spec",
    "UnicodeCodepointTokenizer": "hornbook.tokenizers.unicode_codepoint",
    "UnigramTokenizer": "hornbook.tokenizers.unigram",
    "WordPieceTokenizer": "hornbook.tokenizers.word_piece",
    "compute_byte_pair_vocabulary": "hornbook.tokenizers.trainers",
    "compute_sentence_piece_proto": "hornbook.tokenizers.trainers",
    "compute_word_piece_vocabulary": "hornbook.tokenizers.trainers",
    "make_tokenizer_class": "hornbook.tokenizers.spec",
}


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return __all__
