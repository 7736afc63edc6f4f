"""Engines without a vocabulary file: every byte or every code point is a token."""

import abc
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self
from unicodedata import combining

import numpy as np

from hornbook.errors import TokenizerError
from hornbook.tokenizers.engine import Added, Engine, Offset
from hornbook.tokenizers.plain_text import LAST_CODEPOINT, PlainText, is_character, replacing_by

BYTES = 256
ENCODINGS = ("UTF-8", "UTF-16-BE", "UTF-32-BE")
PLAIN_FILE = "hornbook_tokenizer.json"
"""The file of a folder that holds such an engine. It is hornbook's own: transformers has none."""
BROKEN = "\udfff"
"""What stands for bytes that are no text until the case is folded: no text can hold it."""


class PlainEngine(Engine):
    """What engines without a vocabulary file have in common.

    The id 0 is padding: it leaves no text.

    Args:
        text: how text is treated.
        size: the number of ids.
    """

    metaspace = False
    added = Added()
    special_token_ids: frozenset[int] = frozenset()
    added_tokens: frozenset[str] = frozenset()
    roles: Mapping[str, str] = {}

    def __init__(self, text: PlainText, size: int) -> None:
        self.text = text
        self.size = size

    @abc.abstractmethod
    def from_bytes(self, text: bytes) -> str:
        """Reads a text that is given as bytes."""

    @abc.abstractmethod
    def _units(self, texts: Sequence[str]) -> tuple[np.ndarray, list[int]]:
        """The ids of all texts, one behind the other, and how many each text has."""

    def encode_arrays(self, texts: Sequence[str]) -> list[np.ndarray]:
        if not texts:
            return []
        try:
            values, lengths = self._units([self.text.prepared(text) for text in texts])
        except (AttributeError, UnicodeError) as error:
            raise TokenizerError(f"Tokenizing {len(texts)} texts failed: {error}") from error
        return np.split(values, np.cumsum(lengths)[:-1])

    def encode_batch(
        self, texts: Sequence[str], add_special_tokens: bool = False
    ) -> list[list[int]]:
        return [row.tolist() for row in self.encode_arrays(texts)]

    def encode_offsets(self, texts: Sequence[str]) -> list[tuple[list[int], list[Offset]]]:
        rows = self.encode_batch(texts)
        return [(row, self._offsets(text)) for row, text in zip(rows, texts, strict=True)]

    def _offsets(self, text: str) -> list[Offset]:
        """Each token's characters: those whose case was folded, or that were composed, together."""
        borders = [0, *(at for at, char in enumerate(text) if at and not combining(char))]
        parts = list(zip(borders, [*borders[1:], len(text)], strict=True)) if text else []
        prepared = [self.text.prepared(text[start:end]) for start, end in parts]
        if "".join(prepared) != self.text.prepared(text):
            # Something was composed of what stood apart: only of the whole is it certain.
            parts, prepared = [(0, len(text))], [self.text.prepared(text)]
        _, lengths = self._units(prepared) if prepared else (None, [])
        return [part for part, length in zip(parts, lengths, strict=True) for _ in range(length)]

    def encode_words_batch(self, texts: Sequence[Sequence[str]]) -> list[list[int]]:
        return self.encode_batch(["".join(words) for words in texts])

    def decode_tokens(self, tokens: Sequence[str]) -> str:
        return self.decode_batch([[ord(char) for char in "".join(tokens)]])[0]

    def token_to_id(self, token: str) -> int | None:
        return ord(token) if len(token) == 1 and ord(token) < self.size else None

    def vocabulary(self) -> dict[str, int]:
        return {chr(index): index for index in range(self.size)}

    def files(self) -> dict[str, bytes]:
        text = json.dumps({"type": self.model_type, **self.state()}, indent=2)
        return {PLAIN_FILE: (text + "\n").encode()}

    def state(self) -> dict[str, Any]:
        return asdict(self.text)


class ByteEngine(PlainEngine):
    """Text as its UTF-8 bytes; a token is the character with the byte's number."""

    model_type = "Bytes"

    def __init__(self, text: PlainText) -> None:
        super().__init__(text, BYTES)

    @property
    def decoder(self) -> Mapping[str, Any]:  # type: ignore[override]  # read as an attribute
        """Made anew each time, since a process has to register the way to treat errors."""
        return {"type": "Utf8", "errors": self.text.error_handler}

    def from_bytes(self, text: bytes) -> str:
        # Bytes that are no UTF-8 come out again as they are.
        return text.decode(errors="surrogateescape")

    def _units(self, texts: Sequence[str]) -> tuple[np.ndarray, list[int]]:
        encoded = [text.encode(errors="surrogateescape") for text in texts]
        values = np.frombuffer(b"".join(encoded), np.uint8)
        return values.astype(np.int32), [len(text) for text in encoded]

    def decode_batch(
        self, rows: Sequence[Sequence[int]], skip_special_tokens: bool = False
    ) -> list[str]:
        texts = []
        for row in rows:
            ids = np.asarray(row, np.int64)
            data = ids[(ids > 0) & (ids < BYTES)].astype(np.uint8).tobytes()
            try:
                texts.append(data.decode(errors=self.text.error_handler))
            except UnicodeDecodeError as error:
                raise TokenizerError(f"The ids are no UTF-8 text: {error}") from error
        return texts

    def id_to_token(self, token_id: int) -> str | None:
        return chr(token_id) if 0 <= token_id < BYTES else None

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(PlainText(**state))


class CodepointEngine(PlainEngine):
    """Text as the numbers of its characters.

    Args:
        text: how text is treated.
        encoding: that of texts given as bytes.
        vocabulary_size: greater ids become the last one below it; None leaves them.
    """

    model_type = "Codepoints"
    # Nothing is left of padding; a character is whole as it is.
    decoder = {  # noqa: RUF012 - an attribute of every engine, never changed
        "type": "Replace",
        "pattern": {"String": "\0"},
        "content": "",
    }

    def __init__(
        self, text: PlainText, encoding: str = "UTF-8", vocabulary_size: int | None = None
    ) -> None:
        if encoding not in ENCODINGS:
            raise TokenizerError(f"input_encoding is {encoding!r}; expected one of {ENCODINGS}")
        if vocabulary_size is not None and vocabulary_size < 1:
            raise TokenizerError(f"vocabulary_size is {vocabulary_size}; expected 1 or more")
        super().__init__(text, min(vocabulary_size or LAST_CODEPOINT + 1, LAST_CODEPOINT + 1))
        self.encoding = encoding
        self.vocabulary_size = vocabulary_size

    def from_bytes(self, text: bytes) -> str:
        errors = self.text.errors
        try:
            return text.decode(
                self.encoding, replacing_by(BROKEN) if errors == "replace" else errors
            )
        except UnicodeDecodeError as error:
            raise TokenizerError(f"Got bytes that are not {self.encoding}: {error}") from error

    def _units(self, texts: Sequence[str]) -> tuple[np.ndarray, list[int]]:
        joined = "".join(texts).replace(BROKEN, self.text.replacement)
        values = np.frombuffer(joined.encode("utf-32-le"), "<i4")
        lengths = [len(text) for text in texts]
        return np.minimum(values, self.size - 1).astype(np.int32, copy=False), lengths

    def decode_batch(
        self, rows: Sequence[Sequence[int]], skip_special_tokens: bool = False
    ) -> list[str]:
        handler = self.text.error_handler
        texts = []
        for row in rows:
            ids = np.asarray(row, np.int64)
            data = np.minimum(ids[ids > 0], LAST_CODEPOINT + 1).astype("<u4").tobytes()
            try:
                texts.append(data.decode("utf-32-le", handler))
            except UnicodeDecodeError as error:
                raise TokenizerError(f"The ids are no characters: {error}") from error
        return texts

    def id_to_token(self, token_id: int) -> str | None:
        if is_character(token_id):
            return chr(token_id)
        return self.text.replacement or None

    def state(self) -> dict[str, Any]:
        return {
            **super().state(),
            "encoding": self.encoding,
            "vocabulary_size": self.vocabulary_size,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        own = {key: state[key] for key in ("encoding", "vocabulary_size")}
        text = {key: value for key, value in state.items() if key not in own}
        return cls(PlainText(**text), **own)


def read_plain(text: str) -> PlainEngine:
    """The engine that `PlainEngine.files` gave the content of `PLAIN_FILE`.

    Raises:
        TokenizerError: when the content is something else; the message says what.
    """
    kinds = {kind.model_type: kind for kind in (ByteEngine, CodepointEngine)}
    try:
        state = dict(json.loads(text))
        return kinds[state.pop("type")].from_state(state)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise TokenizerError(
            f"It holds no tokenizer of type {' or '.join(kinds)}, as Tokenizer.save writes it: "
            f"{type(error).__name__}: {error}"
        ) from error
