"""Byte-level byte-pair encoding, as GPT-2 introduced it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors

from hornbook.errors import TokenizerError
from hornbook.tokenizers.engine import Engine
from hornbook.tokenizers.roles import require_in_vocabulary
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.rust_engine import RustEngine, rust_errors
from hornbook.tokenizers.settings import TokenizerSettings
from hornbook.tokenizers.tokenizer import Tokenizer

NORMAL_FORMS = (normalizers.NFC, normalizers.NFD, normalizers.NFKC, normalizers.NFKD)
Merges = Iterable[str] | Iterable[tuple[str, str]] | str | Path


class BytePairTokenizer(Tokenizer):
    """Splits text into the byte sequences that a list of merges builds up.

    Every text can be written, since every byte is a token. Spaces belong to the word after them.
    Follows GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners").

    Args:
        vocabulary: token to id, or the path of a `vocab.json` with it. Tokens are written in
            GPT-2's byte alphabet, in which a space is "Ġ".
        merges: "a b" strings or pairs in the order in which they are applied, or the path of a
            `merges.txt`.
        sequence_length: pad and truncate every text to this number of ids.
        add_prefix_space: write the first word of a text as if a space stood before it.
        unsplittable_tokens: strings that are always one token; each has to be in the vocabulary.
        special_tokens: role (`start_token`, `end_token`, `pad_token`, ...) to token; each has to
            be in the vocabulary. They are never split either, and decoding can skip them.
        dtype: an integer type, or "string" for tokens instead of ids.
        add_start_token: put the start token before each text that special tokens are added to.
        split_pattern: a regular expression, by whose matches text is cut into words; GPT-2's by
            default.
        normalization: the Unicode form that text is brought into first, such as "NFC"; or None.

    Raises:
        TokenizerError: when a file can't be read, merges don't fit the vocabulary, a special
            token isn't in it, or there is no start token to add.

    Example:
        >>> vocabulary = {"b": 0, "u": 1, "t": 2, "er": 3, "e": 4, "r": 5, "but": 6, "bu": 7}
        >>> tokenizer = BytePairTokenizer(vocabulary, merges=["e r", "b u", "bu t"])
        >>> tokenizer("butter")
        array([6, 2, 3], dtype=int32)
        >>> tokenizer.detokenize([6, 2, 3])
        'butter'
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int] | str | Path,
        merges: Merges,
        sequence_length: int | None = None,
        add_prefix_space: bool = False,
        unsplittable_tokens: Sequence[str] | None = None,
        special_tokens: Mapping[str, str] | None = None,
        dtype: str = "int32",
        add_start_token: bool = False,
        split_pattern: str | None = None,
        normalization: str | None = None,
    ) -> None:
        vocabulary = read_vocabulary(vocabulary)
        special_tokens = {**self.default_special_tokens, **(special_tokens or {})}
        unsplittable_tokens = tuple(unsplittable_tokens or ())
        require_in_vocabulary([*special_tokens.values(), *unsplittable_tokens], vocabulary)
        if add_start_token and "start_token" not in special_tokens:
            raise TokenizerError(
                "add_start_token is set, but there is no start token; name one with "
                "special_tokens={'start_token': ...}"
            )
        engine = byte_level_engine(
            vocabulary,
            read_merges(merges),
            _words(split_pattern, add_prefix_space),
            _cut_out(special_tokens, unsplittable_tokens),
            prefix=[special_tokens["start_token"]] if add_start_token else (),
            normalizer=_normalizer(normalization),
            template=_template(self.row_template, special_tokens, vocabulary),
        )
        other = {"add_prefix_space": add_prefix_space}
        if add_start_token:
            other["add_bos_token"] = True
        settings = TokenizerSettings(special_tokens=special_tokens, other=other)
        super().__init__(engine, settings, sequence_length, dtype)

    @classmethod
    def accepts(cls, engine: Engine) -> bool:
        return engine.model_type == "BPE" and not engine.metaspace


def byte_level_engine(
    vocabulary: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    pre_tokenizer: pre_tokenizers.PreTokenizer,
    added_tokens: Sequence[AddedToken] = (),
    ignore_merges: bool = False,
    prefix: Sequence[str] = (),
    suffix: Sequence[str] = (),
    normalizer: normalizers.Normalizer | None = None,
    template: processors.PostProcessor | None = None,
) -> RustEngine:
    """Builds a byte-level BPE engine.

    Args:
        vocabulary: token, in the byte alphabet, to id.
        merges: pairs in the order in which they are applied.
        pre_tokenizer: cuts text into words and writes them in the byte alphabet.
        added_tokens: tokens that are cut out of a text before anything else.
        ignore_merges: take a word that is a token whole, whatever the merges say.
        prefix: the tokens that `add_special_tokens` puts before a text.
        suffix: the tokens that it puts after it.
        normalizer: what happens to a text before it is cut.
        template: what puts tokens around texts, instead of the prefix and the suffix.

    Raises:
        TokenizerError: when the merges don't fit the vocabulary.
    """
    with rust_errors("Building a byte-pair tokenizer"):
        tokenizer = tokenizers.Tokenizer(
            models.BPE(vocab=dict(vocabulary), merges=list(merges), ignore_merges=ignore_merges)
        )
        tokenizer.pre_tokenizer = pre_tokenizer
        if normalizer is not None:
            tokenizer.normalizer = normalizer
        tokenizer.decoder = decoders.ByteLevel()
        for token in added_tokens:
            tokenizer.add_tokens([token])
        if prefix or suffix:
            around = dict.fromkeys([*prefix, *suffix])
            tokenizer.post_processor = processors.TemplateProcessing(
                single=[*prefix, "$A", *suffix],
                pair=[
                    *prefix,
                    "$A",
                    *suffix,
                    *(f"{t}:1" for t in prefix),
                    "$B:1",
                    *(f"{t}:1" for t in suffix),
                ],
                special_tokens=[(token, vocabulary[token]) for token in around],
            )
        if template is not None:
            tokenizer.post_processor = template
        return RustEngine(tokenizer)


def _cut_out(special: Mapping[str, str], unsplittable: Sequence[str]) -> list[AddedToken]:
    """The tokens that are never split, given the special ones by their roles."""
    # A mask stands for a word, and a word takes the space before it.
    masks = {special.get("mask_token")}
    return [
        *(
            AddedToken(token, special=True, normalized=False, lstrip=token in masks)
            for token in dict.fromkeys(special.values())
        ),
        *(
            AddedToken(token, special=False, normalized=False)
            for token in unsplittable
            if token not in special.values()
        ),
    ]


def _template(
    rows: RowTemplate | None, special: Mapping[str, str], vocabulary: Mapping[str, int]
) -> processors.PostProcessor | None:
    return None if rows is None else rows.processor(special, vocabulary)


def _words(pattern: str | None, add_prefix_space: bool) -> pre_tokenizers.PreTokenizer:
    """Cuts text into words, and writes them in the byte alphabet."""
    if pattern is None:
        return pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    with rust_errors("Reading a split pattern"):
        split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    words = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=False)
    return pre_tokenizers.Sequence([split, words])


def _normalizer(form: str | None) -> normalizers.Normalizer | None:
    forms = {kind.__name__: kind for kind in NORMAL_FORMS}
    if form is None:
        return None
    if form not in forms:
        raise TokenizerError(f"normalization is {form!r}; expected one of {', '.join(forms)}")
    return forms[form]()


def read_vocabulary(source: Mapping[str, int] | str | Path) -> dict[str, int]:
    """Reads a token-to-id vocabulary from a mapping or a JSON file."""
    if isinstance(source, Mapping):
        return dict(source)
    try:
        vocabulary = json.loads(Path(source).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TokenizerError(f"Can't read the vocabulary in {source}: {error}") from error
    if not isinstance(vocabulary, dict) or not all(type(i) is int for i in vocabulary.values()):
        raise TokenizerError(f"{source} is no vocabulary; expected a JSON object of token to id")
    return vocabulary


def read_merges(source: Merges) -> list[tuple[str, str]]:
    """Reads merges from strings, pairs, or a `merges.txt`, whose `#version` line is no merge."""
    if isinstance(source, str | Path):
        try:
            lines = Path(source).read_text(encoding="utf-8").split("\n")
        except (OSError, ValueError) as error:
            raise TokenizerError(f"Can't read the merges in {source}: {error}") from error
        first = 1 if lines[0].startswith("#version") else 0
        source = [line.removesuffix("\r") for line in lines[first:] if line.strip()]
    pairs = []
    for number, merge in enumerate(source):
        match merge.split(" ") if isinstance(merge, str) else merge:
            case (str() as left, str() as right):
                pairs.append((left, right))
            case _:
                raise TokenizerError(f"Merge {number} is {merge!r}; expected two tokens")
    return pairs
