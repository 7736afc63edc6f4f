r"""Where a text can be cut so that its ids are those of its parts, one behind the other.

The places are lone spaces: those with something other than white space on either side. A space
belongs to what follows it, so that "a bird  sings" has the parts "a" and " bird  sings".
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tokenizers
from tokenizers import AddedToken

from hornbook.tokenizers.gguf_pre_tokenizers import WORD_SPLITS, WORDS

# Python's \s has every character that Unicode calls white space, and a few more. The regular
# expression begins with the space itself: that is faster.
LONE_SPACE = re.compile(r" (?<=\S )(?=\S)")
SPACE = re.compile(" ")
WITH_LONE_SPACE = re.compile(r"(?<!\s) (?!\s)")

TOGETHER = 64
"""Words in a text, where many are joined: each text costs the library as much as several words."""

PATTERNS = frozenset(pattern for split in WORD_SPLITS.values() for pattern in split.patterns)
"""Their matches have a lone space nowhere but at their beginning, and never look beyond it."""
EVERYTHING = r"|\s+"
"""The end of patterns that match all of a text, and so begin a word at each lone space."""


# A word is marked with a space for what can't be seen in it: one in front, where it is its text's
# first; one behind, where it is the last and ends in white space, or in nothing. No other word
# begins or ends so: a lone space is neither of a word's ends.


def _marked(words: list[str]) -> list[str]:
    words[0] = f" {words[0]}"
    if not words[-1][-1:].strip():
        words[-1] += " "
    return words


def written(word: str) -> str:
    """What a marked word is as a text: with the space before it that belongs to it."""
    text = word[:-1] if word[-1] == " " else word
    return text[1:] if text[0] == " " else f" {text}"


def joined(words: Sequence[str]) -> Iterator[str]:
    """Texts that can be cut into these marked words, in whatever order, and into no others."""
    inner = [word for word in words if word[0] != " " and word[-1] != " "]
    for start in range(0, len(inner), TOGETHER):
        yield f" {' '.join(inner[start : start + TOGETHER])}"
    yield from (written(word) for word in words if word[0] == " " or word[-1] == " ")


def cut(text: str) -> list[str]:
    """The marked words between lone spaces."""
    return _marked(LONE_SPACE.split(text))


def cut_at_spaces(text: str) -> list[str]:
    """The marked words between spaces, which are faster to find: `cut`'s if all are `is_word`."""
    return _marked(text.split(" "))


def is_word(word: str) -> bool:
    """Says whether the spaces around what `cut_at_spaces` gave are lone."""
    begins_right = word[:1] == " " or word[:1].strip()
    ends_right = word[-1:] == " " or word[-1:].strip()
    return bool(begins_right and ends_right) and word != " "


def can_be_cut(tokenizer: tokenizers.Tokenizer) -> bool:
    """Says whether cutting texts at lone spaces leaves their ids the same.

    False means that it isn't known: every step has to be one of those that were looked into.
    """
    normalizer, pre_tokenizer = section(tokenizer.normalizer), section(tokenizer.pre_tokenizer)
    kept = _keeps_spaces(normalizer)
    added = tokenizer.get_added_tokens_decoder().values()
    return (
        _is_certain(tokenizer.model)
        and kept is not None
        and _begins_words(pre_tokenizer, kept)
        and all(_stays_within(token, kept) for token in added)
    )


def section(part: Any) -> dict[str, Any] | None:
    """A part of the pipeline as its section of the `tokenizer.json`."""
    return None if part is None else json.loads(part.__getstate__())


def _is_certain(model: Any) -> bool:
    """Says whether a word has the same ids each time."""
    kind = type(model).__name__
    return kind == "WordPiece" or (kind == "BPE" and not model.dropout)


def _keeps_spaces(normalizer: Mapping[str, Any] | None) -> bool | None:
    """Says whether lone spaces, and no others, are lone afterwards.

    None means that what it makes of a character may depend on those beyond a space.
    """
    kind = None if normalizer is None else normalizer["type"]
    return {None: True, "NFC": True, "BertNormalizer": False}.get(kind)


def _begins_words(pre_tokenizer: Mapping[str, Any] | None, spaces_kept: bool) -> bool:
    """Says whether a word begins at each lone space, whatever stands on the other side."""
    if pre_tokenizer is None:
        return False
    if pre_tokenizer["type"] == "BertPreTokenizer":
        return True  # at any space
    sequence = pre_tokenizer["type"] == "Sequence"
    steps = pre_tokenizer["pretokenizers"] if sequence else [pre_tokenizer]
    patterns = [_pattern(step) for step in steps]
    return (
        spaces_kept
        and all(pattern == "" or pattern in PATTERNS for pattern in patterns)
        and any(pattern is not None and pattern.endswith(EVERYTHING) for pattern in patterns)
    )


def _pattern(step: Mapping[str, Any]) -> str | None:
    """The pattern whose matches become words, "" if no word ends here, None if that's unknown."""
    match step:
        case {"type": "ByteLevel", "use_regex": use_regex}:
            return WORDS if use_regex else ""
        case {"type": "Digits" | "Punctuation"}:
            return ""
        case {
            "type": "Split",
            "behavior": "Isolated",
            "invert": False,
            "pattern": {"Regex": str()},
        }:
            return str(step["pattern"]["Regex"])
    return None


def _stays_within(token: AddedToken, spaces_kept: bool) -> bool:
    """Says whether a token is found within one part, and takes nothing from the next."""
    spaces = WITH_LONE_SPACE if spaces_kept else SPACE
    return not token.rstrip and spaces.search(token.content) is None
