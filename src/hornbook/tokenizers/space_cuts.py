r"""Where a text can be cut so that its ids are those of its parts, one behind the other.

The places are lone spaces: those with something other than white space on either side. A space
belongs to what follows it, so that "a bird  sings" has the parts "a" and " bird  sings".
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import tokenizers
from tokenizers import AddedToken

from hornbook.tokenizers.gguf_pre_tokenizers import WORD_SPLITS, WORDS

# Python's \s has every character that Unicode calls white space, and a few more. The regular
# expression begins with the space itself: that is faster.
LONE_SPACE = re.compile(r" (?<=\S )(?=\S)")
SPACE = re.compile(" ")
WITH_LONE_SPACE = re.compile(r"(?<!\s) (?!\s)")

PATTERNS = frozenset(pattern for split in WORD_SPLITS.values() for pattern in split.patterns)
"""Their matches have a lone space nowhere but at their beginning, and never look beyond it."""
EVERYTHING = r"|\s+"
"""The end of patterns that match all of a text, and so begin a word at each lone space."""


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
