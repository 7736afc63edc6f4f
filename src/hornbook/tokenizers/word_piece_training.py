"""Training WordPiece vocabularies so that the same words always give the same vocabulary.

The trainer of `tokenizers` numbers the pieces that continue a word, and breaks ties between
characters, by the order of a hash table, which is another one each time. Here the words are counted
first, and the trainer is then given all its characters in an order of our own.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from typing import Any

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from hornbook.tokenizers.rust_engine import rust_errors
from hornbook.tokenizers.space_cuts import can_be_cut, cut, joined

BATCH = 1000
STRETCH = 2**25
"""Characters whose parts are counted together: what is held of them is less than that."""


def count_words(normalizer: Any, pre_tokenizer: Any, texts: Iterator[str]) -> dict[str, int]:
    """Counts the words of a stream of texts.

    Args:
        normalizer: of `tokenizers`, what texts go through first; None for nothing.
        pre_tokenizer: of `tokenizers`, what then says what a word is; None for the whole text.
        texts: read once; only the distinct words are held in memory.
    """
    splitter = tokenizers.Tokenizer(models.WordPiece())
    if normalizer is not None:
        splitter.normalizer = normalizer
    if pre_tokenizer is not None:
        splitter.pre_tokenizer = pre_tokenizer
    if not can_be_cut(splitter):
        return _counted(splitter, texts)
    words: Counter[str] = Counter()
    for parts in _counted_parts(texts):
        # The library counts what it is given. It gets the parts whose count has a binary digit: a
        # part comes once or twice instead of as often as it was met.
        for digit in range(max(parts.values()).bit_length()):
            some = [part for part, count in parts.items() if count >> digit & 1]
            for word, count in _counted(splitter, joined(some)).items():
                words[word] += count << digit
    return words


def _counted_parts(texts: Iterator[str]) -> Iterator[Counter[str]]:
    """Counts parts between lone spaces; of a large corpus, one stretch after the other."""
    parts: Counter[str] = Counter()
    size = 0
    for batch in _batches(texts):
        parts.update(chain.from_iterable(map(cut, batch)))
        size += sum(map(len, batch))
        if size > STRETCH:
            yield parts
            parts, size = Counter(), 0
    if parts:
        yield parts


def _counted(splitter: tokenizers.Tokenizer, texts: Iterable[str]) -> dict[str, int]:
    counter = trainers.WordPieceTrainer(vocab_size=0, limit_alphabet=0, show_progress=False)
    train_on(splitter, counter, texts)
    return json.loads(counter.__getstate__())["WordPieceTrainer"]["bpe_trainer"]["words"]


def train_word_pieces(
    words: Mapping[str, int],
    vocabulary_size: int,
    reserved: Sequence[str],
    prefix: str,
    most_chars: int,
    show_progress: bool = False,
) -> list[str]:
    """Computes a WordPiece vocabulary from counted words.

    Args:
        words: word to count.
        vocabulary_size: the most tokens that it may have.
        reserved: tokens that come first, in this order.
        prefix: what begins a piece that continues a word.
        most_chars: only that many characters, the most frequent ones, are kept.
        show_progress: whether the library shows how many pieces it has, on a terminal.

    Returns:
        The reserved tokens, characters, characters that continue a word, then longer pieces in
        the order in which they were found.
    """
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for char in word:
            counts[char] += count
    chars = sorted(counts, key=lambda char: (-counts[char], char))[:most_chars]
    inner = set().union(*(word[1:] for word in words))
    continuing = [f"{prefix}{char}" for char in sorted(inner.intersection(chars))]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[*reserved, *continuing],
        initial_alphabet=chars,
        limit_alphabet=len(chars),
        continuing_subword_prefix=prefix,
        show_progress=show_progress,
    )
    tokenizer = tokenizers.Tokenizer(models.WordPiece())
    train_on_words(tokenizer, trainer, words)
    ids = tokenizer.get_vocab()
    first = dict.fromkeys([*reserved, *sorted(chars), *continuing])
    return [*first, *sorted(ids.keys() - first.keys(), key=ids.__getitem__)]


def train_on_words(tokenizer: tokenizers.Tokenizer, trainer: Any, words: Mapping[str, int]) -> None:
    """Trains on words that `count_words` counted, as if on the texts themselves."""
    used = set().union(*words)
    separator = next(char for char in map(chr, range(len(used) + 1)) if char not in used)
    tokenizer.pre_tokenizer = pre_tokenizers.CharDelimiterSplit(separator)
    train_on(tokenizer, trainer, _repeated(words, separator))


def train_on(tokenizer: tokenizers.Tokenizer, trainer: Any, texts: Iterable[str]) -> None:
    """Trains on a stream; texts go over in batches, since each hand-over costs."""
    with rust_errors("Training a tokenizer"):
        tokenizer.train_from_iterator(_batches(texts), trainer)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(texts)
    return iter(lambda: list(islice(stream, BATCH)), [])


def _repeated(words: Mapping[str, int], separator: str) -> Iterator[str]:
    """Every word as often as it was counted, for a trainer that counts by itself."""
    each = chain.from_iterable(repeat(f"{word}{separator}", count) for word, count in words.items())
    return iter(lambda: "".join(islice(each, BATCH)), "")
