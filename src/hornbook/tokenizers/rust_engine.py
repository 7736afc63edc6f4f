"""The engine over Hugging Face's Rust library `tokenizers`."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import tokenizers
from tokenizers import AddedToken

from hornbook.errors import TokenizerError
from hornbook.tokenizers.engine import Added, Engine, Offset
from hornbook.tokenizers.space_cuts import can_be_cut, section
from hornbook.tokenizers.word_batches import encode_texts
from hornbook.tokenizers.word_cache import WordCache

METASPACE = "\u2581"
MAX_ID = 2**32 - 1


@contextlib.contextmanager
def rust_errors(doing: str) -> Iterator[None]:
    """Turns whatever `tokenizers` raises into a `TokenizerError` that says what was being done.

    The library raises bare `Exception`s, and a Rust panic arrives as a `BaseException` that an
    `except Exception` lets through.
    """
    try:
        yield
    except TokenizerError:
        raise
    except Exception as error:
        raise TokenizerError(f"{doing} failed: {error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise TokenizerError(f"{doing} failed inside the tokenizers library: {error}") from error


class RustEngine(Engine):
    """An engine over a `tokenizers.Tokenizer`, which it takes over: don't change it afterwards.

    Args:
        tokenizer: the ready tokenizer.
        split_special_tokens: when True, special tokens written inside a text are ordinary text.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer, split_special_tokens: bool = False) -> None:
        # Truncation and padding are the caller's business here, but a saved file keeps them.
        self._truncation = tokenizer.truncation
        self._padding = tokenizer.padding
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = split_special_tokens
        self._tokenizer = tokenizer
        self.roles: Mapping[str, str] = {}
        self._split_special_tokens = split_special_tokens
        self.model_type = type(tokenizer.model).__name__
        self.decoder = section(tokenizer.decoder)
        self.metaspace = any(
            METASPACE in json.dumps(section(part), ensure_ascii=False)
            for part in (tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder)
        )
        added = tokenizer.get_added_tokens_decoder()
        self.added_tokens = frozenset(token.content for token in added.values())
        self.special_token_ids = frozenset(i for i, token in added.items() if token.special)
        self._words = WordCache(tokenizer) if can_be_cut(tokenizer) else None

    @classmethod
    def from_json(cls, content: str, source: str, split_special_tokens: bool = False) -> Self:
        """Builds an engine from the content of a `tokenizer.json`; `source` is for messages.

        Raises:
            TokenizerError: when the content is no tokenizer.
        """
        with rust_errors(f"Reading the tokenizer in {source}"):
            return cls(tokenizers.Tokenizer.from_str(content), split_special_tokens)

    def with_added_tokens(self, tokens: Sequence[AddedToken]) -> Self:
        """An engine that has these tokens too; one already in the vocabulary keeps its id."""
        if not tokens:
            return self
        with rust_errors("Adding tokens to a tokenizer"):
            tokenizer = tokenizers.Tokenizer.from_str(self.to_json())
            for token in tokens:
                if token.special:
                    tokenizer.add_special_tokens([token])
                else:
                    tokenizer.add_tokens([token])
            return type(self)(tokenizer, self._split_special_tokens)

    def encode_batch(
        self, texts: Sequence[str], add_special_tokens: bool = False
    ) -> list[list[int]]:
        with rust_errors(f"Tokenizing {len(texts)} texts"):
            if add_special_tokens or self._words is None:
                return encode_texts(self._tokenizer, texts, add_special_tokens)
            return [row.tolist() for row in self._words.encode(texts)]

    def encode_arrays(self, texts: Sequence[str]) -> list[np.ndarray]:
        if self._words is None:
            return super().encode_arrays(texts)
        with rust_errors(f"Tokenizing {len(texts)} texts"):
            return self._words.encode(texts)

    def encode_offsets(self, texts: Sequence[str]) -> list[tuple[list[int], list[Offset]]]:
        with rust_errors(f"Tokenizing {len(texts)} texts"):
            # The fast way gives no offsets.
            encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [(encoding.ids, encoding.offsets) for encoding in encodings]

    def encode_words_batch(self, texts: Sequence[Sequence[str]]) -> list[list[int]]:
        with rust_errors(f"Tokenizing {len(texts)} texts of words"):
            encodings = self._tokenizer.encode_batch_fast(
                texts, is_pretokenized=True, add_special_tokens=False
            )
        return [encoding.ids for encoding in encodings]

    def decode_batch(
        self, rows: Sequence[Sequence[int]], skip_special_tokens: bool = False
    ) -> list[str]:
        with rust_errors(f"Detokenizing {len(rows)} rows of token ids"):
            return list(self._tokenizer.decode_batch(rows, skip_special_tokens=skip_special_tokens))

    def decode_tokens(self, tokens: Sequence[str]) -> str:
        if self._tokenizer.decoder is None:
            return " ".join(tokens)
        with rust_errors(f"Detokenizing {len(tokens)} tokens"):
            return str(self._tokenizer.decoder.decode(list(tokens)))

    def token_to_id(self, token: str) -> int | None:
        with rust_errors(f"Looking up the token {token!r}"):
            return self._tokenizer.token_to_id(token)

    def id_to_token(self, token_id: int) -> str | None:
        if not 0 <= token_id <= MAX_ID:
            return None
        return self._tokenizer.id_to_token(token_id)

    def vocabulary(self) -> dict[str, int]:
        return dict(self._tokenizer.get_vocab(with_added_tokens=True))

    @cached_property
    def added(self) -> Added:  # type: ignore[override]  # computed once, read as an attribute
        """Read off an encoding: the template marks what it adds as special."""
        with rust_errors("Reading what the tokenizer adds around a text"):
            encoding = self._tokenizer.encode("a", add_special_tokens=True)
        mask, ids = encoding.special_tokens_mask, encoding.ids
        first = next((i for i, special in enumerate(mask) if not special), len(ids))
        last = next((i for i in range(len(ids), first, -1) if not mask[i - 1]), first)
        return Added(tuple(ids[:first]), tuple(ids[last:]))

    def to_json(self) -> str:
        """The content of a `tokenizer.json`, with the truncation and padding it came with."""
        if self._truncation is None and self._padding is None:
            return str(self._tokenizer.to_str())
        copy = tokenizers.Tokenizer.from_str(self._tokenizer.to_str())
        if self._truncation is not None:
            copy.enable_truncation(**self._truncation)
        if self._padding is not None:
            copy.enable_padding(**self._padding)
        return str(copy.to_str())

    def files(self) -> dict[str, bytes]:
        return {"tokenizer.json": self.to_json().encode()}

    def state(self) -> dict[str, Any]:
        return {"json": self.to_json(), "split_special_tokens": self._split_special_tokens}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        return cls.from_json(state["json"], "a tokenizer's config", state["split_special_tokens"])
