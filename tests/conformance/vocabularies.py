"""A small tokenizer for each family, trained on the spot in the family's own format."""

import copy
import dataclasses
from collections.abc import Sequence
from functools import cache
from typing import Any

from conformance.cases import Case
from hornbook.families.classes import preprocessor_class, tokenizer_class
from hornbook.families.family import Head
from hornbook.families.registry import families
from hornbook.tokenizers import (
    BytePairTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    UnigramTokenizer,
    WordPieceTokenizer,
    compute_byte_pair_vocabulary,
    compute_sentence_piece_proto,
    compute_word_piece_vocabulary,
)
from nasty_strings import NASTY_STRINGS

SENTENCES = [
    "A hornbook is the first reader: one page of letters behind a sheet of horn.",
    "The letters stand in rows, and under the rows stands a prayer.",
    "Whoever reads the page reads the letters, the rows and the prayer.",
]


def examples(head: Head, texts: Sequence[str]) -> Any:
    """Raw data for a task, made of texts."""
    prompts = ["A?"] * len(texts)
    if head.task == "QuestionAnswering":
        return prompts, list(texts)
    if head.task == "MultipleChoice":
        return prompts, [[text, "horn"] for text in texts]
    return list(texts)


@cache
def tokenizer_of(family_name: str) -> Tokenizer:
    """The family's tokenizer over a vocabulary that has all of its special tokens."""
    family = families()[family_name]
    cls = tokenizer_class(family)
    special = list(dict.fromkeys(family.tokenizer.special_tokens.values()))
    texts = [*SENTENCES, *NASTY_STRINGS]
    if issubclass(cls, BytePairTokenizer):
        return cls(*compute_byte_pair_vocabulary(texts, 340, reserved_tokens=special))
    if issubclass(cls, WordPieceTokenizer):
        return cls(compute_word_piece_vocabulary(texts, 340, reserved_tokens=special))
    assert issubclass(cls, SentencePieceTokenizer | UnigramTokenizer)
    options = family.tokenizer.sentence_piece
    size = 600 if options.get("byte_fallback") else 340
    special_tokens = family.tokenizer.special_tokens
    return cls(compute_sentence_piece_proto(texts, size, special_tokens=special_tokens, **options))


def with_tokenizer(case: Case, head: Head, dtype: Any = None, **changes: Any) -> Any:
    """A task with fresh weights, a vocabulary of the tokenizer's size, and a preprocessor."""
    tokenizer = copy.copy(tokenizer_of(case.family_name))
    config = dataclasses.replace(
        case.config, vocabulary_size=tokenizer.vocabulary_size() + 3, **changes
    )
    preprocessor = preprocessor_class(case.family, head.task)(tokenizer, sequence_length=12)
    return case.task_class(head)(case.backbone_class(**vars(config), dtype=dtype), preprocessor)
