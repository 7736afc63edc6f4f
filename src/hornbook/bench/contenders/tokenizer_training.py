"""Learning a vocabulary from texts, by a library's own trainer or by hornbook's over it.

The libraries' trainers get the settings that hornbook's functions have: equal work.
"""

import io
from collections.abc import Callable
from typing import Any

RESERVED = ["[PAD]", "[UNK]"]
LONGEST = 2**20
"""Bytes of a text that SentencePiece takes."""


def trainer(library: str, kind: str, texts: list[str], size: int) -> Callable[[], int]:
    """What learns a vocabulary from all texts once, and counts its tokens."""
    made = _hornbook(kind) if library.startswith("hornbook") else BARE[kind]
    return lambda: made(texts, size)


def _hornbook(kind: str) -> Callable[[list[str], int], int]:
    from hornbook.tokenizers import (
        SentencePieceTokenizer,
        compute_byte_pair_vocabulary,
        compute_sentence_piece_proto,
        compute_word_piece_vocabulary,
    )

    def word_piece(texts: list[str], size: int) -> int:
        options: dict[str, Any] = {"lowercase": True, "strip_accents": True}
        return len(
            compute_word_piece_vocabulary(iter(texts), size, reserved_tokens=RESERVED, **options)
        )

    def sentence_piece(texts: list[str], size: int) -> int:
        proto = compute_sentence_piece_proto(iter(texts), size)
        return SentencePieceTokenizer(proto).vocabulary_size()

    return {
        "byte pair": lambda texts, size: len(compute_byte_pair_vocabulary(iter(texts), size)[0]),
        "word piece": word_piece,
        "sentence piece": sentence_piece,
    }[kind]


def _bare_byte_pair(texts: list[str], size: int) -> int:
    import tokenizers

    level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    learning = tokenizers.trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=level.alphabet(), show_progress=False
    )
    return _bare_library(tokenizers.models.BPE(), None, level, learning, texts)


def _bare_word_piece(texts: list[str], size: int) -> int:
    import tokenizers

    learning = tokenizers.trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=RESERVED, show_progress=False
    )
    normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    splitter = tokenizers.pre_tokenizers.BertPreTokenizer()
    return _bare_library(tokenizers.models.WordPiece(), normalizer, splitter, learning, texts)


def _bare_library(model: Any, normalizer: Any, splitter: Any, learning: Any, texts: Any) -> int:
    import tokenizers

    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = splitter
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(texts, learning)
    return int(tokenizer.get_vocab_size())


def _bare_sentence_piece(texts: list[str], size: int) -> int:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=size,
        pad_id=0,
        unk_id=1,
        bos_id=2,
        eos_id=3,
        max_sentence_length=LONGEST,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return int(processor.vocab_size())


BARE: dict[str, Callable[[list[str], int], int]] = {
    "byte pair": _bare_byte_pair,
    "word piece": _bare_word_piece,
    "sentence piece": _bare_sentence_piece,
}
"""Kind of tokenizer to what a library's own trainer does."""
