"""Which engines and tokenizer classes there are, and which class fits an engine."""

from collections.abc import Mapping

from hornbook.errors import TokenizerError
from hornbook.tokenizers.byte import ByteTokenizer
from hornbook.tokenizers.byte_pair import BytePairTokenizer
from hornbook.tokenizers.engine import Engine
from hornbook.tokenizers.plain_engine import ByteEngine, CodepointEngine
from hornbook.tokenizers.rust_engine import RustEngine
from hornbook.tokenizers.sentence_piece import SentencePieceTokenizer
from hornbook.tokenizers.sentence_piece_engine import SentencePieceEngine
from hornbook.tokenizers.tokenizer import Tokenizer
from hornbook.tokenizers.unicode_codepoint import UnicodeCodepointTokenizer
from hornbook.tokenizers.word_piece import WordPieceTokenizer

ENGINES: Mapping[str, type[Engine]] = {
    "tokenizers": RustEngine,
    "sentencepiece": SentencePieceEngine,
    "bytes": ByteEngine,
    "codepoints": CodepointEngine,
}
"""Name in a config to engine class."""

CLASSES: tuple[type[Tokenizer], ...] = (
    WordPieceTokenizer,
    BytePairTokenizer,
    SentencePieceTokenizer,
    ByteTokenizer,
    UnicodeCodepointTokenizer,
)


def engine_kind(engine: Engine) -> str:
    """The name of an engine's class in a config."""
    return next(kind for kind, cls in ENGINES.items() if isinstance(engine, cls))


def class_for(engine: Engine) -> type[Tokenizer]:
    """The tokenizer class that an engine is for.

    Raises:
        TokenizerError: when there is none.
    """
    for cls in CLASSES:
        if cls.accepts(engine):
            return cls
    names = ", ".join(cls.__name__ for cls in CLASSES)
    raise TokenizerError(
        f"No tokenizer class is for tokenizers of type {engine.model_type}; there are {names}"
    )


def as_class(tokenizer: Tokenizer, cls: type[Tokenizer]) -> Tokenizer:
    """The tokenizer as one of `cls` where that is for its kind, else as it is."""
    if isinstance(tokenizer, cls) or not cls.accepts(tokenizer.engine):
        return tokenizer
    return cls.from_engine(
        tokenizer.engine, tokenizer.settings, tokenizer.sequence_length, tokenizer.dtype
    )
