"""SentencePiece's unigram models with another layout of ids, as Hugging Face runs them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers

from hornbook.errors import TokenizerError
from hornbook.tokenizers.engine import Engine
from hornbook.tokenizers.roles import require_in_vocabulary
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.rust_engine import METASPACE, RustEngine, rust_errors
from hornbook.tokenizers.sentence_piece import read_proto
from hornbook.tokenizers.sentence_piece_engine import SentencePieceEngine
from hornbook.tokenizers.sentence_piece_proto import (
    ModelType,
    PieceType,
    read_options,
    read_pieces,
)
from hornbook.tokenizers.settings import TokenizerSettings
from hornbook.tokenizers.tokenizer import Tokenizer

Piece = tuple[str, float]


class UnigramTokenizer(Tokenizer):
    """Splits text as a SentencePiece unigram model says (Kudo, 2018), between tokens of its own.

    It is for models whose ids aren't those of their SentencePiece file: fairseq's begin with its
    own tokens. Spaces at the ends of a text and between words count as one.

    Args:
        proto: the model as bytes, as a base64 string, or the path of a `.model` file.
        sequence_length: pad and truncate every text to this number of ids.
        lowercase: lowercase the text first.
        strip_accents: remove accents first.
        plain_quotes: read `` and '' as ".
        plain_spaces: read tabs, line ends and runs of spaces as one space, in Unicode's form NFC,
            instead of what the file says; a space at the beginning stays.
        first_tokens: tokens that come before the pieces, instead of the file's own special ones;
            without them, ids are the file's.
        last_tokens: special tokens that come after the pieces, but for those that the file has.
        special_tokens: role (`cls_token`, `sep_token`, ...) to token.
        dtype: an integer type, or "string" for tokens instead of ids.

    Raises:
        TokenizerError: when the proto is no unigram model, or lacks a special token.

    Example:
        >>> from hornbook.tokenizers import compute_sentence_piece_proto
        >>> model = compute_sentence_piece_proto(iter(["the quick fox", "the fox"]), 16)
        >>> tokenizer = UnigramTokenizer(
        ...     model, first_tokens=["<s>", "<unk>"], special_tokens={"unk_token": "<unk>"}
        ... )
        >>> tokenizer.detokenize(tokenizer("the fox")), tokenizer.id_to_token(0)
        ('the fox', '<s>')
    """

    def __init__(
        self,
        proto: bytes | str | Path,
        sequence_length: int | None = None,
        lowercase: bool = False,
        strip_accents: bool = False,
        plain_quotes: bool = False,
        plain_spaces: bool = False,
        first_tokens: Sequence[str] = (),
        last_tokens: Sequence[str] = (),
        special_tokens: Mapping[str, str] | None = None,
        dtype: str = "int32",
    ) -> None:
        proto = read_proto(proto)
        options = read_options(proto)
        if options.model_type is not ModelType.UNIGRAM:
            raise TokenizerError(
                f"The SentencePiece model is of type {options.model_type.name.lower()}; expected "
                "unigram"
            )
        pieces = _pieces(proto, first_tokens, last_tokens)
        chosen = {**self.default_special_tokens, **(special_tokens or {})}
        require_in_vocabulary(chosen.values(), {token for token, _ in pieces})
        engine = _build_engine(
            pieces,
            chosen,
            _normalizer(lowercase, strip_accents, plain_quotes, options.charsmap)
            if not plain_spaces
            else _plain_spaces(lowercase),
            self.row_template,
            last_tokens,
            splits_at_spaces=not plain_spaces,
        )
        other = {"do_lower_case": lowercase, "keep_accents": not strip_accents}
        settings = TokenizerSettings(special_tokens=chosen, other=other)
        super().__init__(engine, settings, sequence_length, dtype)

    @classmethod
    def accepts(cls, engine: Engine) -> bool:
        return engine.model_type == "Unigram"

    @classmethod
    def from_engine(
        cls,
        engine: Engine,
        settings: TokenizerSettings | None = None,
        sequence_length: int | None = None,
        dtype: str = "int32",
    ) -> Self:
        """As of every tokenizer; of a SentencePiece file alone, it lays out the ids itself."""
        if isinstance(engine, SentencePieceEngine) and cls.accepts(engine):
            engine = cls(engine.proto).engine
        return super().from_engine(engine, settings, sequence_length, dtype)


def _pieces(proto: bytes, first: Sequence[str], last: Sequence[str]) -> list[Piece]:
    """The vocabulary in the order of its ids, with scores."""
    own = {PieceType.CONTROL, PieceType.UNKNOWN} if first else set()
    before, after = ([(token, 0.0) for token in tokens] for tokens in (first, last))
    # `tokenizers` reads a long decimal back a little off: these are float32's shortest ones.
    pieces = [
        (text, float(str(np.float32(score))))
        for text, score, kind in read_pieces(proto)
        if kind not in own
    ]
    known = {text for text, _ in pieces}
    return [*before, *pieces, *(piece for piece in after if piece[0] not in known)]


def _normalizer(
    lowercase: bool, strip_accents: bool, plain_quotes: bool, charsmap: bytes
) -> normalizers.Normalizer | None:
    steps: list[normalizers.Normalizer] = []
    if plain_quotes:
        steps += [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if strip_accents:
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    if lowercase:
        steps.append(normalizers.Lowercase())
    if charsmap:
        steps.append(normalizers.Precompiled(charsmap))
    if len(steps) < 2:
        return steps[0] if steps else None
    return normalizers.Sequence(steps)


def _plain_spaces(lowercase: bool) -> normalizers.Normalizer:
    steps: list[normalizers.Normalizer] = [normalizers.Lowercase()] if lowercase else []
    steps += [
        normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "),
        normalizers.NFC(),
        normalizers.Strip(left=False, right=True),
    ]
    return normalizers.Sequence(steps)


def _build_engine(
    pieces: Sequence[Piece],
    roles: Mapping[str, str],
    normalizer: normalizers.Normalizer | None,
    template: RowTemplate | None,
    more_tokens: Sequence[str],
    splits_at_spaces: bool,
) -> RustEngine:
    ids = {token: index for index, (token, _) in enumerate(pieces)}
    with rust_errors("Building a unigram tokenizer"):
        tokenizer = tokenizers.Tokenizer(
            models.Unigram(list(pieces), unk_id=ids.get(roles.get("unk_token", "")))
        )
        if normalizer is not None:
            tokenizer.normalizer = normalizer
        words = pre_tokenizers.Metaspace(replacement=METASPACE, prepend_scheme="always")
        cuts = [pre_tokenizers.WhitespaceSplit()] if splits_at_spaces else []
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*cuts, words])
        tokenizer.decoder = decoders.Metaspace(replacement=METASPACE, prepend_scheme="always")
        # A mask stands for a word, and a word takes the space before it.
        masks = {roles.get("mask_token")}
        tokenizer.add_special_tokens(
            [
                AddedToken(token, special=True, normalized=False, lstrip=token in masks)
                for token in dict.fromkeys([*roles.values(), *more_tokens])
            ]
        )
        if template is not None:
            tokenizer.post_processor = template.processor(roles, ids)
        return RustEngine(tokenizer)
