"""Tokenizers: text to token ids and back.

They are Rust (`tokenizers`) or C++ (`sentencepiece`) inside and need neither Keras nor TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from hornbook.tokenizers.word_piece import WordPieceTokenizer

__all__ = [
    "BytePairTokenizer",
    "SentencePieceTokenizer",
    "StreamDecoder",
    "Tokenizer",
    "TokenizerSpec",
    "WordPieceTokenizer",
    "compute_byte_pair_vocabulary",
    "compute_sentence_piece_proto",
    "compute_word_piece_vocabulary",
    "make_tokenizer_class",
]

_MODULES = {
    "BytePairTokenizer": "byte_pair",
    "SentencePieceTokenizer": "sentence_piece",
    "StreamDecoder": "stream",
    "Tokenizer": "tokenizer",
    "TokenizerSpec": "spec",
    "WordPieceTokenizer": "word_piece",
    "compute_byte_pair_vocabulary": "trainers",
    "compute_sentence_piece_proto": "trainers",
    "compute_word_piece_vocabulary": "trainers",
    "make_tokenizer_class": "spec",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
