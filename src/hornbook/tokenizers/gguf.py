"""Tokenizers from the metadata of GGUF files.

A GGUF file has no tokenizer.json: it lists tokens, their types, and merges or scores, and names the
rest. The keys are those of the GGUF specification.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from tokenizers import AddedToken

from hornbook.errors import TokenizerError
from hornbook.tokenizers.byte_pair import byte_level_engine
from hornbook.tokenizers.engine import Added, Engine
from hornbook.tokenizers.gguf_pre_tokenizers import word_split
from hornbook.tokenizers.rust_engine import METASPACE
from hornbook.tokenizers.sentence_piece_engine import PROTO_ROLES, SentencePieceEngine
from hornbook.tokenizers.sentence_piece_proto import (
    ModelType,
    PieceType,
    ProtoOptions,
    write_model,
)
from hornbook.tokenizers.settings import DEFAULT_TEMPLATE, TokenizerSettings
from hornbook.tokenizers.word_piece import WordPieceTokenizer

ID_KEYS: Mapping[str, str] = {
    "start_token": "bos_token_id",
    "end_token": "eos_token_id",
    "unk_token": "unknown_token_id",
    "pad_token": "padding_token_id",
    "sep_token": "seperator_token_id",  # spelled like this in the specification
    "cls_token": "cls_token_id",
    "mask_token": "mask_token_id",
}
PREFIX = "tokenizer.ggml."
T = TypeVar("T")


def read_gguf_tokenizer(metadata: Mapping[str, Any]) -> tuple[Engine, TokenizerSettings]:
    """Builds the engine and settings that a GGUF file's metadata describes.

    Raises:
        TokenizerError: when there is no tokenizer in it, or one that isn't supported or complete.
    """
    kind = _get(metadata, "model", str)
    if kind not in BUILDERS:
        raise TokenizerError(
            f"The GGUF file's tokenizer is of kind {kind!r}; supported are "
            f"{', '.join(sorted(BUILDERS))}"
        )
    source = GGUFVocabulary.read(metadata)
    engine = BUILDERS[kind](source)
    templates = {
        key.removeprefix("tokenizer.chat_template").lstrip(".") or DEFAULT_TEMPLATE: value
        for key, value in metadata.items()
        if key.startswith("tokenizer.chat_template") and isinstance(value, str)
    }
    around = {
        "add_bos_token": bool(engine.added.prefix),
        "add_eos_token": bool(engine.added.suffix),
    }
    return engine, TokenizerSettings(source.roles, chat_templates=templates, other=around)


@dataclass(frozen=True)
class GGUFVocabulary:
    """The part of the metadata that all kinds of tokenizers have.

    Attributes:
        metadata: all of it.
        tokens: in the order of their ids.
        types: one `PieceType` a token.
        roles: role to token, as the `*_token_id` keys say.
    """

    metadata: Mapping[str, Any]
    tokens: Sequence[str]
    types: Sequence[int]
    roles: Mapping[str, str]

    @classmethod
    def read(cls, metadata: Mapping[str, Any]) -> Self:
        """Reads and checks it."""
        tokens = _list(metadata, "tokens", str)
        if len(set(tokens)) != len(tokens):
            raise TokenizerError("The GGUF file lists a token twice")
        types: Sequence[int] = [PieceType.NORMAL] * len(tokens)
        if PREFIX + "token_type" in metadata:
            types = _list(metadata, "token_type", int, len(tokens))
        roles = {}
        for role, key in ID_KEYS.items():
            token_id = _get(metadata, key, int, -1)
            if token_id >= len(tokens):
                raise TokenizerError(
                    f"The GGUF file's {PREFIX}{key} is {token_id}, but it has {len(tokens)} tokens"
                )
            if token_id >= 0:
                roles[role] = tokens[token_id]
        return cls(metadata, tokens, types, roles)

    def around(self, adds_start: bool = False, adds_end: bool = False) -> Added:
        """What is added around a text; the arguments are for files that don't say."""

        def ids(key: str, role: str, default: bool) -> tuple[int, ...]:
            token = self.roles.get(role)
            adds = _get(self.metadata, key, bool, default) and token is not None
            return (self.tokens.index(token),) if adds else ()

        return Added(
            ids("add_bos_token", "start_token", adds_start),
            ids("add_eos_token", "end_token", adds_end),
        )


def _byte_level(source: GGUFVocabulary) -> Engine:
    """GPT-2's kind: merges over the byte alphabet."""
    split = word_split(_get(source.metadata, "pre", str, "default"))
    special = set(source.roles.values())
    added_tokens = [
        AddedToken(token, special=token_type == PieceType.CONTROL, normalized=False)
        for token, token_type in zip(source.tokens, source.types, strict=True)
        if token_type in (PieceType.CONTROL, PieceType.USER_DEFINED)
    ]
    known = {token.content for token in added_tokens}
    added_tokens += [AddedToken(t, special=True, normalized=False) for t in special - known]
    merges = []
    for merge in _list(source.metadata, "merges", str):
        # The first token may itself begin with a space, so the space after it is looked for.
        left, _, right = merge[1:].partition(" ")
        merges.append((merge[:1] + left, right))
    added = source.around(adds_start=split.adds_start_token)
    return byte_level_engine(
        {token: index for index, token in enumerate(source.tokens)},
        merges,
        split.pre_tokenizer(),
        added_tokens,
        split.ignore_merges,
        prefix=[source.tokens[i] for i in added.prefix],
        suffix=[source.tokens[i] for i in added.suffix],
    )


def _sentence_piece(source: GGUFVocabulary, model_type: ModelType, adds: Added) -> Engine:
    """SentencePiece's kinds: the model file is rebuilt from the same pieces, scores and types."""
    ids = {token: index for index, token in enumerate(source.tokens)}
    unknown = [i for i, kind in enumerate(source.types) if kind == PieceType.UNKNOWN]
    if len(unknown) != 1:
        raise TokenizerError(
            f"The GGUF file's SentencePiece vocabulary has {len(unknown)} unknown tokens; "
            "expected one"
        )
    start, end, pad = (ids.get(source.roles.get(role, ""), -1) for role in PROTO_ROLES[1:])
    options = ProtoOptions(
        model_type=model_type,
        byte_fallback=PieceType.BYTE in source.types,
        add_dummy_prefix=_get(source.metadata, "add_space_prefix", bool, True),
        remove_extra_spaces=_get(source.metadata, "remove_extra_whitespaces", bool, False),
        special_ids=(unknown[0], start, end, pad),
        charsmap=_charsmap(source.metadata),
    )
    pieces = [
        # llama.cpp's converter writes the spaces of user-defined tokens out.
        (token.replace(" ", METASPACE) if kind == PieceType.USER_DEFINED else token, score, kind)
        for token, score, kind in zip(
            source.tokens,
            _list(source.metadata, "scores", float, len(source.tokens)),
            source.types,
            strict=True,
        )
    ]
    return SentencePieceEngine(write_model(pieces, options), added=adds)


def _charsmap(metadata: Mapping[str, Any]) -> bytes:
    """Compiled normalization rules, which files hold as signed or unsigned bytes."""
    if PREFIX + "precompiled_charsmap" not in metadata:
        return b""
    return bytes(value & 0xFF for value in _list(metadata, "precompiled_charsmap", int))


def _word_piece(source: GGUFVocabulary) -> Engine:
    """WordPiece: GGUF marks the pieces that begin a word, vocabularies those that don't."""
    tokens = [
        token
        if kind in (PieceType.CONTROL, PieceType.UNKNOWN) or token in source.roles.values()
        else token.removeprefix(METASPACE)
        if token.startswith(METASPACE)
        else f"##{token}"
        for token, kind in zip(source.tokens, source.types, strict=True)
    ]
    lowercase = _get(source.metadata, "normalizer.lowercase", bool, True)
    return WordPieceTokenizer(
        tokens,
        lowercase=lowercase,
        strip_accents=_get(source.metadata, "normalizer.strip_accents", bool, lowercase),
        oov_token=source.roles.get("unk_token", "[UNK]"),
        special_tokens_in_strings=True,
    ).engine


BUILDERS: Mapping[str, Callable[[GGUFVocabulary], Engine]] = {
    "gpt2": _byte_level,
    "llama": lambda source: _sentence_piece(source, ModelType.BPE, source.around(adds_start=True)),
    "t5": lambda source: _sentence_piece(source, ModelType.UNIGRAM, source.around(adds_end=True)),
    "bert": _word_piece,
}
"""What `tokenizer.ggml.model` says to the function that builds it."""


def _get(metadata: Mapping[str, Any], key: str, kind: type[T], default: T | None = None) -> T:
    """A single value of the metadata, checked."""
    value = metadata.get(PREFIX + key, default)
    if value is None:
        raise TokenizerError(f"The GGUF file has no {PREFIX}{key}, and so no usable tokenizer")
    if not isinstance(value, kind):
        raise TokenizerError(
            f"The GGUF file's {PREFIX}{key} is {value!r}; expected {kind.__name__}"
        )
    return value


def _list(
    metadata: Mapping[str, Any], key: str, kind: type[T], length: int | None = None
) -> Sequence[T]:
    """A list of the metadata, checked."""
    values = _get(metadata, key, list)
    if not all(isinstance(value, kind) for value in values):
        raise TokenizerError(f"The GGUF file's {PREFIX}{key} holds more than {kind.__name__}")
    if length is not None and len(values) != length:
        raise TokenizerError(
            f"The GGUF file's {PREFIX}{key} has {len(values)} entries for {length} tokens"
        )
    return values
