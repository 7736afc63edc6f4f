"""The decoders of tokenizer.json, one token at a time.

`tokenizers` decodes whole sequences. Each step here gives the same text piece by piece, and holds
back only what a later token can still change: the bytes of an unfinished character, say. Steps
take and give tokens; the text is what the last step gives, put together.
"""

import codecs
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from hornbook.errors import TokenizerError
from hornbook.tokenizers.clean_up import TOKEN_REPLACEMENTS, clean_up_spaces, settled_length


class Step(ABC):
    """A decoder fed with one token after the other."""

    @abstractmethod
    def push(self, token: str) -> Iterable[str]:
        """Takes a token and gives those that are final now."""

    def finish(self) -> Iterable[str]:
        """Gives what was held back, at the end of the text."""
        return ()


class EachToken(Step):
    """Changes each token by itself; the first one may be treated in its own way."""

    def __init__(self, change: Callable[[str, bool], str]) -> None:
        self._change = change
        self._first = True

    def push(self, token: str) -> Iterable[str]:
        first, self._first = self._first, False
        return (self._change(token, first),)


class ByteLevel(Step):
    """Reads tokens in the byte alphabet as UTF-8; a byte that fits nowhere becomes U+FFFD."""

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: str) -> Iterable[str]:
        alphabet = byte_alphabet()
        try:
            return (self._utf8.decode(bytes([alphabet[char] for char in token])),)
        except KeyError:  # an added token, which stands for itself
            return (self._utf8.decode(token.encode()),)

    def finish(self) -> Iterable[str]:
        return (self._utf8.decode(b"", final=True),)


class Utf8(Step):
    """Reads characters with the numbers of bytes as UTF-8; zeros, which are padding, are nothing.

    Args:
        errors: what Python's codecs call the way to treat bytes that fit nowhere.
    """

    def __init__(self, errors: str) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors)

    def push(self, token: str) -> Iterable[str]:
        return self._decode(token.encode("latin-1").replace(b"\0", b""))

    def finish(self) -> Iterable[str]:
        return self._decode(b"", final=True)

    def _decode(self, data: bytes, final: bool = False) -> Iterable[str]:
        try:
            return (self._utf8.decode(data, final),)
        except UnicodeDecodeError as error:
            raise TokenizerError(f"The ids are no UTF-8 text: {error}") from error


class ByteFallback(Step):
    """Reads runs of tokens like `<0xE2>` as UTF-8.

    A run is held back until it ends, because one byte that doesn't fit makes the whole run into
    U+FFFD, one for each of its bytes.
    """

    def __init__(self) -> None:
        self._run = bytearray()

    def push(self, token: str) -> Iterable[str]:
        if match := re.fullmatch(r"<0x([0-9A-Fa-f]{2}|\+[0-9A-Fa-f])>", token):
            self._run.append(int(match[1], 16))
            return ()
        return (*self.finish(), token)

    def finish(self) -> Iterable[str]:
        run, self._run = bytes(self._run), bytearray()
        try:
            return (run.decode(),) if run else ()
        except UnicodeDecodeError:
            return ("\ufffd",) * len(run)


class StripStart(Step):
    """Removes up to `count` of a character from the beginning of the whole text."""

    def __init__(self, char: str, count: int) -> None:
        self._char = char
        self._left = count

    def push(self, token: str) -> Iterable[str]:
        while token and self._left:
            if not token.startswith(self._char):
                self._left = 0
                break
            token = token.removeprefix(self._char)
            self._left -= 1
        return (token,)


class WordEnds(Step):
    """Makes the mark at the end of a word a space, except at the end of the text."""

    def __init__(self, suffix: str) -> None:
        self._suffix = suffix
        self._held: str | None = None

    def push(self, token: str) -> Iterable[str]:
        held, self._held = self._held, token
        return () if held is None else (held.replace(self._suffix, " "),)

    def finish(self) -> Iterable[str]:
        return () if self._held is None else (self._held.replace(self._suffix, ""),)


class SpaceCleaner(Step):
    """Removes the spaces before punctuation, as `clean_up_spaces` does on a whole text."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, token: str) -> Iterable[str]:
        text = self._held + token
        settled = settled_length(text)
        self._held = text[settled:]
        return (clean_up_spaces(text[:settled]),)

    def finish(self) -> Iterable[str]:
        held, self._held = self._held, ""
        return (clean_up_spaces(held),)


class Whole(Step):
    """Holds everything back and decodes it at the end: for decoders without a step of their own."""

    def __init__(self, decode: Callable[[Sequence[str]], str]) -> None:
        self._decode = decode
        self._tokens: list[str] = []

    def push(self, token: str) -> Iterable[str]:
        self._tokens.append(token)
        return ()

    def finish(self) -> Iterable[str]:
        return (self._decode(self._tokens),)


@cache
def byte_alphabet() -> Mapping[str, int]:
    """GPT-2's alphabet: each byte as a visible character.

    Printable Latin-1 bytes are themselves; the others follow from U+0100 on, in their order.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printable)
    moved = {chr(0x100 + index): byte for index, byte in enumerate(others)}
    return {chr(byte): byte for byte in printable} | moved


def decoding_steps(
    decoder: Mapping[str, Any] | None, decode: Callable[[Sequence[str]], str]
) -> list[Step]:
    """Builds the steps of a decoder.

    Args:
        decoder: the `decoder` section of a tokenizer.json, None for none.
        decode: decodes a whole sequence; used where a decoder has no step of its own.
    """
    if decoder is None:
        return [EachToken(lambda token, first: token if first else f" {token}")]
    sections = decoder["decoders"] if decoder["type"] == "Sequence" else [decoder]
    steps: list[Step] = []
    fused = False
    for section in sections:
        if section["type"] == "Fuse":
            fused = True
            continue
        step = _fused_step(section) if fused else _step(section)
        if step is None:
            return [Whole(decode)]
        steps.append(step)
    return steps


def _step(section: Mapping[str, Any]) -> Step | None:
    """The step of one section, None if there is none for it."""
    match section:
        case {"type": "ByteLevel"}:
            return ByteLevel()
        case {"type": "Utf8", "errors": errors}:
            return Utf8(errors)
        case {"type": "ByteFallback"}:
            return ByteFallback()
        case {"type": "Replace", "pattern": {"String": old}, "content": new}:
            return EachToken(lambda token, first: token.replace(old, new))
        case {"type": "Metaspace", "replacement": mark, "prepend_scheme": scheme}:
            start = " " if scheme == "never" else ""
            return EachToken(lambda token, first: token.replace(mark, start if first else " "))
        case {"type": "WordPiece", "prefix": prefix, "cleanup": cleanup}:
            return EachToken(lambda token, first: _word_piece(token, first, prefix, cleanup))
        case {"type": "BPEDecoder", "suffix": suffix}:
            return WordEnds(suffix)
        case {"type": "Strip", "content": char, "start": start, "stop": stop}:
            return EachToken(lambda token, first: _strip(token, char, start, stop))
    return None


def _fused_step(section: Mapping[str, Any]) -> Step | None:
    """The step of one section that works on the whole text at once."""
    match section:
        case {"type": "Strip", "content": char, "start": start, "stop": 0}:
            return StripStart(char, start)
    return None


def _word_piece(token: str, first: bool, prefix: str, cleanup: bool) -> str:
    if not first:
        token = token.removeprefix(prefix) if token.startswith(prefix) else f" {token}"
    return clean_up_spaces(token, TOKEN_REPLACEMENTS) if cleanup else token


def _strip(token: str, char: str, start: int, stop: int) -> str:
    cut = 0
    while cut < start and token[cut : cut + 1] == char:
        cut += 1
    end = len(token)
    while len(token) - end < stop and end > cut and token[end - 1] == char:
        end -= 1
    return token[cut:end]
