"""SentencePiece models: BPE or unigram over raw text, spaces included."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

from hornbook.errors import TokenizerError
from hornbook.tokenizers.engine import Engine
from hornbook.tokenizers.roles import require_in_vocabulary
from hornbook.tokenizers.sentence_piece_engine import SentencePieceEngine
from hornbook.tokenizers.settings import TokenizerSettings
from hornbook.tokenizers.tokenizer import Tokenizer


class SentencePieceTokenizer(Tokenizer):
    """Splits text as a SentencePiece model says, with spaces as parts of the tokens.

    Follows SentencePiece (Kudo and Richardson 2018). The start, end, unknown and padding tokens
    are those that the model names.

    Args:
        proto: the model as bytes, as a base64 string, or the path of a `.model` file.
        sequence_length: pad and truncate every text to this number of ids.
        special_tokens: role (`start_token`, `end_token`, `pad_token`, ...) to token, instead of
            the model's own choice; each has to be a piece of the model.
        dtype: an integer type, or "string" for tokens instead of ids.

    Raises:
        TokenizerError: when the proto is no SentencePiece model, or lacks a special token.

    Example:
        >>> from hornbook.tokenizers import compute_sentence_piece_proto
        >>> model = compute_sentence_piece_proto(iter(["the quick fox", "the fox"]), 16)
        >>> tokenizer = SentencePieceTokenizer(model)
        >>> tokenizer.detokenize(tokenizer("the fox"))
        'the fox'
    """

    def __init__(
        self,
        proto: bytes | str | Path,
        sequence_length: int | None = None,
        special_tokens: Mapping[str, str] | None = None,
        dtype: str = "int32",
    ) -> None:
        engine = SentencePieceEngine(read_proto(proto))
        chosen = {**self.default_special_tokens, **(special_tokens or {})}
        require_in_vocabulary(chosen.values(), engine.vocabulary())
        settings = TokenizerSettings(special_tokens={**engine.roles, **chosen})
        super().__init__(engine, settings, sequence_length, dtype)

    @classmethod
    def accepts(cls, engine: Engine) -> bool:
        return engine.model_type == "Unigram" or engine.metaspace


def read_proto(source: bytes | str | Path) -> bytes:
    """Reads a model from bytes, a base64 string, or a file.

    A string is a path if such a file exists, else base64.

    Raises:
        TokenizerError: when a string is neither.
    """
    if isinstance(source, bytes):
        return source
    try:
        if isinstance(source, Path) or (len(source) < 4096 and Path(source).is_file()):
            return Path(source).read_bytes()
        return base64.b64decode(source, validate=True)
    except (OSError, binascii.Error) as error:
        shown = str(source) if len(str(source)) < 100 else f"{str(source)[:100]}..."
        raise TokenizerError(
            f"{shown} is neither an existing SentencePiece model file nor base64: {error}"
        ) from error
