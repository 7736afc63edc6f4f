"""Training tokenizers: vocabularies computed from text."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sentencepiece
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from hornbook.errors import TokenizerError
from hornbook.tokenizers.corpus import Progress, read_corpus
from hornbook.tokenizers.progress_bar import is_watched, shown
from hornbook.tokenizers.word_piece import splitting
from hornbook.tokenizers.word_piece_training import (
    count_words,
    train_on,
    train_on_words,
    train_word_pieces,
)

RESERVED = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")
MAX_ALPHABET = 1000
BYTES = 256
MAX_SENTENCE_BYTES = 2**20


def compute_word_piece_vocabulary(
    data: Iterable[Any],
    vocabulary_size: int,
    vocabulary_output_file: str | Path | None = None,
    lowercase: bool = False,
    strip_accents: bool = False,
    split: bool = True,
    split_on_cjk: bool = True,
    suffix_indicator: str = "##",
    reserved_tokens: Sequence[str] = RESERVED,
    progress: Progress | bool | None = None,
) -> list[str]:
    """Computes a vocabulary for `WordPieceTokenizer`, given the same arguments there.

    The corpus is read once, as a stream; only its distinct words are held in memory.

    Args:
        data: strings in any iterable, a `tf.data.Dataset` of strings, or a list of paths of text
            files.
        vocabulary_size: the most tokens that it may have; a small corpus gives fewer.
        vocabulary_output_file: where to write the vocabulary as well, one token a line.
        lowercase: lowercase the text first.
        strip_accents: remove accents first.
        split: split at spaces and punctuation; if False, each string is a word.
        split_on_cjk: make each Chinese character a word.
        suffix_indicator: what begins a piece that continues a word.
        reserved_tokens: tokens that come first, in this order.
        progress: True shows bars on stderr, if that is a terminal: the strings read, and then the
            pieces learned; a function is called now and then with the number of strings read so
            far.

    Returns:
        The tokens in the order of their ids.

    Raises:
        TokenizerError: when the size doesn't leave room for pieces, or the data can't be read.

    Example:
        >>> compute_word_piece_vocabulary(iter(["bat sat bat"]), 9, reserved_tokens=["[UNK]"])
        ['[UNK]', 'a', 'b', 's', 't', '##a', '##t', '##at', 'bat']
    """
    reserved = list(dict.fromkeys(reserved_tokens))
    _check_size(vocabulary_size, len(reserved) + 2, "the reserved tokens and one character")
    parts = splitting(lowercase, strip_accents, split, split_on_cjk)
    # Each character may become two pieces: one that begins a word and one that continues it.
    most_chars = min(MAX_ALPHABET, (vocabulary_size - len(reserved)) // 2)
    with shown(progress) as report:
        words = count_words(*parts, read_corpus(data, report))
    vocabulary = train_word_pieces(
        words, vocabulary_size, reserved, suffix_indicator, most_chars, is_watched(progress)
    )
    if vocabulary_output_file is not None:
        text = "".join(f"{token}\n" for token in vocabulary)
        Path(vocabulary_output_file).write_text(text, encoding="utf-8")
    return vocabulary


def compute_byte_pair_vocabulary(
    data: Iterable[Any],
    vocabulary_size: int,
    vocabulary_output_file: str | Path | None = None,
    merges_output_file: str | Path | None = None,
    add_prefix_space: bool = False,
    reserved_tokens: Sequence[str] = (),
    progress: Progress | bool | None = None,
) -> tuple[dict[str, int], list[str]]:
    """Computes a vocabulary and merges for `BytePairTokenizer`.

    The corpus is read once, as a stream; only its distinct words are held in memory.

    Args:
        data: as in `compute_word_piece_vocabulary`.
        vocabulary_size: the most tokens that it may have, of which 256 are the bytes.
        vocabulary_output_file: where to write the vocabulary as well, as a `vocab.json`.
        merges_output_file: where to write the merges as well, as a `merges.txt`.
        add_prefix_space: write the first word of a text as if a space stood before it.
        reserved_tokens: tokens that come first, in this order.
        progress: True shows bars on stderr, if that is a terminal: the strings read, and then the
            merges learned; a function is called now and then with the number of strings read so
            far.

    Returns:
        Token to id, and the merges in the order in which they are applied.

    Raises:
        TokenizerError: when the size has no room for the bytes, or the data can't be read.

    Example:
        >>> vocabulary, merges = compute_byte_pair_vocabulary(iter(["aaab aab"]), 258)
        >>> len(vocabulary), merges
        (258, ['a a', 'a b'])
    """
    reserved = list(reserved_tokens)
    _check_size(vocabulary_size, len(reserved) + BYTES, "the reserved tokens and the 256 bytes")
    tokenizer = tokenizers.Tokenizer(models.BPE())
    splitter = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.pre_tokenizer = splitter
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=reserved,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=is_watched(progress),
    )
    with shown(progress) as report:
        texts = read_corpus(data, report)
        words = count_words(None, splitter, texts) if is_watched(progress) else None
        if words is None:
            train_on(tokenizer, trainer, texts)
    if words is not None:  # the library's own bars, which would write into the one above
        train_on_words(tokenizer, trainer, words)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [" ".join(pair) for pair in model["merges"]]
    if vocabulary_output_file is not None:
        text = json.dumps(model["vocab"], ensure_ascii=False)
        Path(vocabulary_output_file).write_text(text, encoding="utf-8")
    if merges_output_file is not None:
        text = "\n".join(["#version: 0.2", *merges, ""])
        Path(merges_output_file).write_text(text, encoding="utf-8")
    return model["vocab"], merges


PADDING_FIRST = ("pad_id", "unk_id", "bos_id", "eos_id")
UNKNOWN_FIRST = ("unk_id", "bos_id", "eos_id", "pad_id")
"""SentencePiece's arguments in the order of the ids."""


def compute_sentence_piece_proto(
    data: Iterable[Any],
    vocabulary_size: int,
    model_type: str = "unigram",
    proto_output_file: str | Path | None = None,
    lowercase: bool = False,
    max_sentences: int | None = None,
    progress: Progress | bool | None = None,
    special_tokens: Mapping[str, str] | None = None,
    byte_fallback: bool = False,
    as_written: bool = False,
    unknown_first: bool = False,
) -> bytes:
    """Computes a model for `SentencePieceTokenizer`.

    SentencePiece holds all strings that it trains on in memory, several times over: "unigram" takes
    tens of bytes for each of the text. For a corpus that is larger than that allows, say with
    `max_sentences` how many strings it may draw: the corpus is then read once, as a stream, and no
    more than these are ever held. Padding is id 0, unknown 1, start 2 and end 3.

    Args:
        data: as in `compute_word_piece_vocabulary`.
        vocabulary_size: the number of pieces.
        model_type: "unigram", "bpe", "word" or "char".
        proto_output_file: where to write the model as well.
        lowercase: lowercase the text first.
        max_sentences: train on that many strings, drawn at random from all, the same in each run
            (SentencePiece's `input_sentence_size`, shuffled); None takes all.
        progress: True shows a bar on stderr, if that is a terminal; a function is called now and
            then with the number of strings read so far.
        special_tokens: role (`mask_token`, ...) to token; without it, padding is `<pad>`, unknown
            `<unk>`, start `<s>` and end `</s>`.
        byte_fallback: have a piece for each byte, and write rare characters with them.
        as_written: take texts as they are: no character is normalized, no space dropped, and none
            put before the first word.
        unknown_first: have unknown as id 0, as SentencePiece itself has it, then start, end and
            padding.

    Returns:
        The model, as `SentencePieceTokenizer` takes it.

    Raises:
        TokenizerError: when the corpus is too small for the size, or can't be read.
    """
    if model_type not in ("unigram", "bpe", "word", "char"):
        raise TokenizerError(
            f"model_type is {model_type!r}; expected 'unigram', 'bpe', 'word' or 'char'"
        )
    model = io.BytesIO()
    normalization = "nmt_nfkc_cf" if lowercase else "identity" if as_written else "nmt_nfkc"
    try:
        with shown(progress) as report:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=read_corpus(data, report),
                model_writer=model,
                vocab_size=vocabulary_size,
                model_type=model_type,
                normalization_rule_name=normalization,
                add_dummy_prefix=not as_written,
                remove_extra_whitespaces=not as_written,
                byte_fallback=byte_fallback,
                input_sentence_size=max_sentences or 0,
                max_sentence_length=MAX_SENTENCE_BYTES,
                minloglevel=2,
                **_ids(UNKNOWN_FIRST if unknown_first else PADDING_FIRST),
                **_pieces(special_tokens or {}),
            )
    except (RuntimeError, ValueError, OSError) as error:
        raise TokenizerError(f"Training a SentencePiece model failed: {error}") from error
    if proto_output_file is not None:
        Path(proto_output_file).write_bytes(model.getvalue())
    return model.getvalue()


def _ids(names: Iterable[str]) -> dict[str, Any]:
    """SentencePiece's arguments for the ids of its own tokens, which are the first ones."""
    return {name: number for number, name in enumerate(names)}


def _pieces(special_tokens: Mapping[str, str]) -> dict[str, Any]:
    """SentencePiece's arguments for the special tokens of roles."""
    own = {"pad_token": "pad", "unk_token": "unk", "start_token": "bos", "end_token": "eos"}
    named = {f"{own[role]}_piece": t for role, t in special_tokens.items() if role in own}
    others = dict.fromkeys(t for t in special_tokens.values() if t not in named.values())
    return {**named, "control_symbols": list(others)}


def _check_size(vocabulary_size: int, least: int, room: str) -> None:
    if vocabulary_size < least:
        raise TokenizerError(
            f"vocabulary_size is {vocabulary_size}, but {room} take {least}; choose a larger one"
        )
