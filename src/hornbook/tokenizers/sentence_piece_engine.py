"""The engine over Google's C++ library `sentencepiece`."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import contains
from typing import Any, Self

import numpy as np
import sentencepiece
from tokenizers import decoders

from hornbook.errors import TokenizerError
from hornbook.tokenizers.cores import shared_cores
from hornbook.tokenizers.engine import Added, Engine, Offset
from hornbook.tokenizers.rust_engine import METASPACE, rust_errors
from hornbook.tokenizers.sentence_piece_proto import (
    ModelType,
    ProtoOptions,
    read_options,
    without_dummy_prefix,
)

MODEL_TYPES = {ModelType.BPE: "BPE", ModelType.UNIGRAM: "Unigram"}
PROTO_ROLES = ("unk_token", "start_token", "end_token", "pad_token")


class SentencePieceEngine(Engine):
    """An engine over a SentencePiece model.

    Encoding is the library's own, except that control symbols (`<s>`, ...) written in a text are
    recognized, as `transformers` does. Decoding follows `transformers` as well: control symbols
    are visible unless skipped.

    Args:
        proto: the model file's content.
        added_tokens: further tokens, which stand after the model's own: text to whether special.
        added: what `add_special_tokens=True` puts around a text.
        split_special_tokens: when True, special tokens written in a text are ordinary text.

    Raises:
        TokenizerError: when the bytes are no SentencePiece model.
    """

    metaspace = True

    def __init__(
        self,
        proto: bytes,
        added_tokens: Mapping[str, bool] | None = None,
        added: Added | None = None,
        split_special_tokens: bool = False,
    ) -> None:
        options = read_options(proto)
        self.proto = proto
        self._split_special_tokens = split_special_tokens
        self._processor = _load(proto)
        self._continuing = _load(without_dummy_prefix(proto))
        self.added = added or Added()
        self.model_type = MODEL_TYPES.get(options.model_type, "Word")

        pieces = range(self._processor.vocab_size())
        self._pieces = len(pieces)
        self._tokens: list[str] = self._processor.id_to_piece(list(pieces))
        self._ids = {token: index for index, token in enumerate(self._tokens)}
        special = {i for i in pieces if self._processor.is_control(i)} | {self._processor.unk_id()}
        self._added_tokens = {t: s for t, s in (added_tokens or {}).items() if t not in self._ids}
        for token, is_special in self._added_tokens.items():
            self._ids[token] = len(self._tokens)
            special |= {len(self._tokens)} if is_special else set()
            self._tokens.append(token)
        self.special_token_ids = frozenset(special)
        cut_out = [] if split_special_tokens else [self._tokens[i] for i in special]
        cut_out += [token for token, is_special in self._added_tokens.items() if not is_special]
        self._cut_out = _pattern(cut_out)
        self.added_tokens = frozenset(cut_out)
        self._first_chars = {token[:1] for token in cut_out}

        ids = zip(PROTO_ROLES, options.special_ids, strict=True)
        self.roles = {role: self._tokens[i] for role, i in ids if 0 <= i < self._pieces}
        self._decoder = _decoder(options)
        self.decoder = json.loads(self._decoder.__getstate__())

    def with_added_tokens(
        self, tokens: Mapping[str, bool], added: Added, split_special_tokens: bool
    ) -> Self:
        """An engine over the same model that has these tokens too, and adds these ids."""
        tokens = {**self._added_tokens, **tokens}
        return type(self)(self.proto, tokens, added, split_special_tokens)

    def encode_batch(
        self, texts: Sequence[str], add_special_tokens: bool = False
    ) -> list[list[int]]:
        if self._is_plain(texts):
            rows = self._run(self._processor, texts, int)
        else:
            rows = [self._encode_with_special(text) for text in texts]
        if not add_special_tokens:
            return rows
        return [[*self.added.prefix, *row, *self.added.suffix] for row in rows]

    def encode_arrays(self, texts: Sequence[str]) -> list[np.ndarray]:
        if not self._is_plain(texts):
            return super().encode_arrays(texts)
        return list(self._run(self._processor, texts, "numpy"))

    def _is_plain(self, texts: Sequence[str]) -> bool:
        """Says whether the library can encode the texts by itself: no token is to be cut out."""
        return self._cut_out is None or not _occurs(self._cut_out, self._first_chars, texts)

    def encode_offsets(self, texts: Sequence[str]) -> list[tuple[list[int], list[Offset]]]:
        rows = []
        for text in texts:
            ids: list[int] = []
            offsets: list[Offset] = []
            for start, part in self._parts(text):
                if isinstance(part, int):
                    ids.append(part)
                    offsets.append((start, start + len(self._tokens[part])))
                    continue
                found = self._run(self._processor_at(start), [part], "offset_mapping")[0]
                ids += found["ids"]
                offsets += [(start + begin, start + end) for begin, end in found["offsets"]]
            rows.append((ids, offsets))
        return rows

    def _encode_with_special(self, text: str) -> list[int]:
        parts = (
            [part]
            if isinstance(part, int)
            else self._run(self._processor_at(start), [part], int)[0]
            for start, part in self._parts(text)
        )
        return [token_id for part in parts for token_id in part]

    def _parts(self, text: str) -> Iterator[tuple[int, str | int]]:
        """A text's parts: where they start, and what they say, or the id of a token cut out."""
        end = 0
        for match in self._cut_out.finditer(text) if self._cut_out else ():
            if match.start() > end:
                yield end, text[end : match.start()]
            yield match.start(), self._ids[match.group()]
            end = match.end()
        if end < len(text):
            yield end, text[end:]

    def _processor_at(self, start: int) -> Any:
        """Only the beginning of a text gets the model's dummy space, not what follows a token."""
        return self._continuing if start else self._processor

    def _run(self, processor: Any, texts: Sequence[str], rows: Any) -> Any:
        """Encodes each text to a row, of the library's type `rows`."""
        try:
            with shared_cores() as threads:
                return processor.encode(list(texts), return_type=rows, num_threads=threads)
        except (TypeError, RuntimeError, UnicodeError) as error:
            raise TokenizerError(f"Tokenizing {len(texts)} texts failed: {error}") from error

    def encode_words_batch(self, texts: Sequence[Sequence[str]]) -> list[list[int]]:
        return [[i for row in self.encode_batch(words) for i in row] for words in texts]

    def decode_batch(
        self, rows: Sequence[Sequence[int]], skip_special_tokens: bool = False
    ) -> list[str]:
        skipped = self.special_token_ids if skip_special_tokens else frozenset()
        tokens, known = self._tokens, len(self._tokens)
        return [
            self.decode_tokens([tokens[i] for i in ids if i < known and i not in skipped])
            for ids in rows
        ]

    def decode_tokens(self, tokens: Sequence[str]) -> str:
        with rust_errors(f"Detokenizing {len(tokens)} tokens"):
            return str(self._decoder.decode(list(tokens)))

    def token_to_id(self, token: str) -> int | None:
        return self._ids.get(token)

    def id_to_token(self, token_id: int) -> str | None:
        return self._tokens[token_id] if 0 <= token_id < len(self._tokens) else None

    def vocabulary(self) -> dict[str, int]:
        return dict(self._ids)

    def files(self) -> dict[str, bytes]:
        return {"tokenizer.model": self.proto}

    def state(self) -> dict[str, Any]:
        return {
            "proto": base64.b64encode(self.proto).decode(),
            "added_tokens": dict(self._added_tokens),
            "prefix": list(self.added.prefix),
            "suffix": list(self.added.suffix),
            "split_special_tokens": self._split_special_tokens,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(
            base64.b64decode(state["proto"]),
            state["added_tokens"],
            Added(tuple(state["prefix"]), tuple(state["suffix"])),
            state["split_special_tokens"],
        )


def _load(proto: bytes) -> Any:
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=proto)
    except (RuntimeError, TypeError, ValueError) as error:
        raise TokenizerError(f"Not a usable SentencePiece model: {error}") from error
    if not processor.vocab_size():
        raise TokenizerError("The SentencePiece model is empty")
    return processor


def _pattern(tokens: Iterable[str]) -> re.Pattern[str] | None:
    """Matches any of the tokens, the longest where several match."""
    longest_first = sorted(filter(None, tokens), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _occurs(pattern: re.Pattern[str], first_chars: Iterable[str], texts: Sequence[str]) -> bool:
    """Says whether a token is in some text; most texts lack even its first character."""
    try:
        if not any(any(map(contains, texts, repeat(char))) for char in first_chars):
            return False
        return any(map(pattern.search, texts))
    except TypeError as error:
        raise TokenizerError(f"Tokenizing failed: {error}") from error


def _decoder(options: ProtoOptions) -> decoders.Decoder:
    steps: list[decoders.Decoder] = [decoders.Replace(METASPACE, " ")]
    if options.byte_fallback:
        steps.append(decoders.ByteFallback())
    steps.append(decoders.Fuse())
    if options.add_dummy_prefix:
        steps.append(decoders.Strip(" ", 1, 0))
    return decoders.Sequence(steps)
