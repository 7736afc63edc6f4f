"""Removing the spaces that word-level detokenizing leaves before punctuation."""

from collections.abc import Iterable

# In this order, each over the whole text: the original applies them one after the other.
REPLACEMENTS = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)
# The Rust WordPiece decoder's own list, which it applies to each token.
TOKEN_REPLACEMENTS = (*REPLACEMENTS[:7], (" do not", " don't"), *REPLACEMENTS[7:])
LONGEST = max(len(spaced) for spaced, _ in REPLACEMENTS)


def clean_up_spaces(text: str, replacements: Iterable[tuple[str, str]] = REPLACEMENTS) -> str:
    """Removes spaces before punctuation and English contractions, as `transformers` does.

    Example:
        >>> clean_up_spaces("it 's fine , thanks .")
        "it's fine, thanks."
    """
    for spaced, joined in replacements:
        text = text.replace(spaced, joined)
    return text


def settled_length(text: str) -> int:
    """How much of a text can be cleaned up by itself, whatever comes after the text.

    That is all of it if its last space is too far back to be part of a pattern. Else it is what
    stands before a space that no pattern can reach over: not after another space or an apostrophe,
    which " ' " may join to what follows, nor after a lone "n", which may become "n't".
    """
    space = text.rfind(" ")
    if space < 0 or len(text) - space > LONGEST:
        return len(text)
    while space > 0:
        before = text[space - 1]
        if before not in " '" and not (before == "n" and text[space - 2 : space - 1] in ("", " ")):
            return space
        space = text.rfind(" ", 0, space)
    return 0
