"""WordPiece: words split greedily into the longest known pieces."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers

from hornbook.errors import TokenizerError
from hornbook.tokenizers import text_inputs
from hornbook.tokenizers.engine import Engine
from hornbook.tokenizers.roles import require_in_vocabulary
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.rust_engine import RustEngine, rust_errors
from hornbook.tokenizers.settings import TokenizerSettings
from hornbook.tokenizers.tokenizer import Tokenizer

CONVENTIONAL_TOKENS: Mapping[str, str] = {
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
    "start_token": "[BOS]",
    "end_token": "[EOS]",
}
"""Role to the token that plays it wherever it is in the vocabulary."""
SPLIT_KEY = "split_into_words"
"""The key of tokenizer_config.json that says texts come as words; only written when they do."""


class WordPieceTokenizer(Tokenizer):
    """Splits text at spaces and punctuation, and words into the longest pieces that are tokens.

    Follows Devlin et al. (2019); a word of which some part isn't in the vocabulary becomes
    one unknown token.

    Args:
        vocabulary: the tokens in the order of their ids, or the path of a `vocab.txt`, one a line.
        sequence_length: pad and truncate every text to this number of ids.
        lowercase: lowercase the text first.
        strip_accents: remove accents first.
        split: split at spaces and punctuation. If False, texts have to be lists of words already.
        split_on_cjk: make each Chinese character a word.
        suffix_indicator: what begins a piece that continues a word.
        oov_token: the unknown token; has to be in the vocabulary.
        special_tokens: role to token, beside those that the vocabulary names as BERT does
            ("[PAD]", "[CLS]", "[SEP]", "[MASK]", and "[BOS]", "[EOS]").
        special_tokens_in_strings: take special tokens written in a text for what they are, instead
            of splitting them like other text.
        dtype: an integer type, or "string" for tokens instead of ids.

    Raises:
        TokenizerError: when a file can't be read, or `oov_token` or a special token isn't in the
            vocabulary.

    Example:
        >>> vocabulary = ["[UNK]", "the", "qu", "##ick", "br", "##own", "fox", "."]
        >>> tokenizer = WordPieceTokenizer(vocabulary, lowercase=True)
        >>> tokenizer("The quick brown fox.")
        array([1, 2, 3, 4, 5, 6, 7], dtype=int32)
    """

    row_template: ClassVar[RowTemplate] = RowTemplate()

    def __init__(
        self,
        vocabulary: Iterable[str] | str | Path,
        sequence_length: int | None = None,
        lowercase: bool = False,
        strip_accents: bool = False,
        split: bool = True,
        split_on_cjk: bool = True,
        suffix_indicator: str = "##",
        oov_token: str = "[UNK]",
        special_tokens: Mapping[str, str] | None = None,
        special_tokens_in_strings: bool = False,
        dtype: str = "int32",
    ) -> None:
        tokens = read_vocabulary(vocabulary)
        vocabulary = {token: index for index, token in enumerate(tokens)}
        chosen = {**self.default_special_tokens, "unk_token": oov_token, **(special_tokens or {})}
        require_in_vocabulary(chosen.values(), vocabulary)
        named = {role: token for role, token in CONVENTIONAL_TOKENS.items() if token in vocabulary}
        roles = {**named, **chosen}
        engine = _build_engine(
            vocabulary,
            roles,
            suffix_indicator,
            splitting(lowercase, strip_accents, split, split_on_cjk),
            special_tokens_in_strings,
            self.row_template,
        )
        settings = TokenizerSettings(
            special_tokens=roles,
            split_special_tokens=not special_tokens_in_strings,
            other={
                "do_lower_case": lowercase,
                "strip_accents": strip_accents,
                "tokenize_chinese_chars": split_on_cjk,
                **({} if split else {SPLIT_KEY: False}),
            },
        )
        super().__init__(engine, settings, sequence_length, dtype)

    @classmethod
    def accepts(cls, engine: Engine) -> bool:
        return engine.model_type == "WordPiece"

    def _encode_inputs(self, inputs: Any) -> tuple[Sequence[Any], bool]:
        if self.settings.other.get(SPLIT_KEY, True):
            return super()._encode_inputs(inputs)
        texts, batched = text_inputs.to_word_lists(inputs)
        return self.engine.encode_words_batch(texts), batched


def splitting(
    lowercase: bool, strip_accents: bool, split: bool, split_on_cjk: bool
) -> tuple[normalizers.Normalizer, pre_tokenizers.PreTokenizer | None]:
    """How a text becomes words: its normalizer, and its pre-tokenizer if it isn't split already."""
    normalizer = normalizers.BertNormalizer(
        clean_text=split,
        handle_chinese_chars=split and split_on_cjk,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    return normalizer, pre_tokenizers.BertPreTokenizer() if split else None


def _build_engine(
    vocabulary: Mapping[str, int],
    roles: Mapping[str, str],
    suffix_indicator: str,
    split: tuple[normalizers.Normalizer, pre_tokenizers.PreTokenizer | None],
    special_tokens_in_strings: bool,
    template: RowTemplate,
) -> RustEngine:
    with rust_errors("Building a WordPiece tokenizer"):
        tokenizer = tokenizers.Tokenizer(
            models.WordPiece(
                vocab=dict(vocabulary),
                unk_token=roles["unk_token"],
                continuing_subword_prefix=suffix_indicator,
            )
        )
        tokenizer.normalizer, pre_tokenizer = split
        if pre_tokenizer is not None:
            tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.decoder = decoders.WordPiece(prefix=suffix_indicator)
        tokenizer.add_special_tokens(
            [AddedToken(token, special=True, normalized=False) for token in roles.values()]
        )
        if "cls_token" in roles and "sep_token" in roles:
            tokenizer.post_processor = template.processor(roles, vocabulary)
        return RustEngine(tokenizer, split_special_tokens=not special_tokens_in_strings)


def read_vocabulary(source: Iterable[str] | str | Path) -> list[str]:
    """Reads a vocabulary from tokens, or from a file with one a line.

    Raises:
        TokenizerError: when the file can't be read, or a token occurs twice.
    """
    if isinstance(source, str | Path):
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise TokenizerError(f"Can't read the vocabulary in {source}: {error}") from error
        source = text.removesuffix("\n").split("\n")
    tokens = [token.rstrip("\r") for token in source]
    if len(set(tokens)) != len(tokens):
        twice = next(token for index, token in enumerate(tokens) if token in tokens[:index])
        raise TokenizerError(f"The token {twice!r} occurs twice in the vocabulary")
    return tokens
