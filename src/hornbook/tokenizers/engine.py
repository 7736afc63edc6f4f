"""What every tokenizer class stands on: text to ids and back, whatever library does it.

An engine is immutable once built. It knows tokens, ids and the decoding rules; it knows nothing of
roles (start, end, padding), chat templates or tensors, which are `Tokenizer`'s.
"""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

Offset = tuple[int, int]
"""A token's first character in the text, and the one behind its last."""


@dataclass(frozen=True)
class Added:
    """The ids that the original tokenizer puts around a text by itself."""

    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()


class Engine(abc.ABC):
    """A loaded vocabulary with its encoding and decoding rules.

    Attributes:
        model_type: `WordPiece`, `BPE`, `Unigram` or another name of the segmentation algorithm.
        metaspace: whether a space is written as U+2581 inside the tokens (SentencePiece's way).
        decoder: the decoding rules as the `decoder` section of a `tokenizer.json`, or None when
            tokens are joined with spaces.
        added: what `add_special_tokens=True` puts around a text.
        special_token_ids: the ids that `skip_special_tokens=True` leaves out.
        added_tokens: the tokens that are cut out of a text before anything else.
        roles: the special tokens that the vocabulary's own file names: role to token.
    """

    model_type: str
    metaspace: bool
    decoder: Mapping[str, Any] | None
    added: Added
    special_token_ids: frozenset[int]
    added_tokens: frozenset[str]
    roles: Mapping[str, str]

    @abc.abstractmethod
    def encode_batch(
        self, texts: Sequence[str], add_special_tokens: bool = False
    ) -> list[list[int]]:
        """Encodes each text to its ids."""

    def encode_arrays(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Encodes each text to an array of its ids, int32, which must not be written to."""
        return [np.array(row, dtype=np.int32) for row in self.encode_batch(texts)]

    @abc.abstractmethod
    def encode_offsets(self, texts: Sequence[str]) -> list[tuple[list[int], list[Offset]]]:
        """Encodes each text to its ids, and the characters of the text that each token is."""

    @abc.abstractmethod
    def encode_words_batch(self, texts: Sequence[Sequence[str]]) -> list[list[int]]:
        """Encodes texts that the caller already split into words; words are not split further."""

    @abc.abstractmethod
    def decode_batch(
        self, rows: Sequence[Sequence[int]], skip_special_tokens: bool = False
    ) -> list[str]:
        """Decodes rows of ids to texts; ids that no token has are left out."""

    @abc.abstractmethod
    def decode_tokens(self, tokens: Sequence[str]) -> str:
        """Decodes tokens to text."""

    @abc.abstractmethod
    def token_to_id(self, token: str) -> int | None:
        """The id of a token, None if there is no such token."""

    @abc.abstractmethod
    def id_to_token(self, token_id: int) -> str | None:
        """The token of an id, None if there is no such id."""

    @abc.abstractmethod
    def vocabulary(self) -> dict[str, int]:
        """All tokens with their ids, added tokens included."""

    @abc.abstractmethod
    def files(self) -> dict[str, bytes]:
        """The vocabulary as the files of a Hugging Face folder: name to content."""

    @abc.abstractmethod
    def state(self) -> dict[str, Any]:
        """What `from_state` needs, as plain JSON values."""

    @classmethod
    @abc.abstractmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Builds the engine that `state` came from."""

    @cached_property
    def size(self) -> int:
        """The number of tokens, added tokens included."""
        return len(self.vocabulary())
