"""Text before it becomes bytes or code points, and after: case, normal form, decoding errors."""

import codecs
import unicodedata
from dataclasses import dataclass
from typing import Any

from hornbook.errors import TokenizerError

NORMAL_FORMS = (None, "NFC", "NFKC", "NFD", "NFKD")
LAST_CODEPOINT = 0x10FFFF
SURROGATES = range(0xD800, 0xE000)


@dataclass(frozen=True)
class PlainText:
    """How tokenizers without a vocabulary treat text.

    Attributes:
        lowercase: fold the case first, as `str.casefold` does.
        normalization_form: "NFC", "NFKC", "NFD", "NFKD", or None to leave the text as it is.
        errors: what becomes of ids and bytes that are no text: "replace", "ignore" or "strict",
            which raises an error.
        replacement_char: the code point that stands for them under "replace".

    Raises:
        TokenizerError: when one of them is something else.
    """

    lowercase: bool = True
    normalization_form: Any = None
    errors: str = "replace"
    replacement_char: int = 0xFFFD

    def __post_init__(self) -> None:
        if self.errors not in ("replace", "ignore", "strict"):
            raise TokenizerError(
                f"errors is {self.errors!r}; expected 'replace', 'ignore' or 'strict'"
            )
        if self.normalization_form not in NORMAL_FORMS:
            raise TokenizerError(
                f"normalization_form is {self.normalization_form!r}; expected one of {NORMAL_FORMS}"
            )
        if not is_character(self.replacement_char):
            raise TokenizerError(
                f"replacement_char is {self.replacement_char}; expected the number of a character"
            )

    def prepared(self, text: str) -> str:
        """The text as it is tokenized."""
        if self.lowercase:
            text = text.casefold()
        form = self.normalization_form
        return text if form is None else unicodedata.normalize(form, text)

    @property
    def replacement(self) -> str:
        """What stands for an id that is no text."""
        return chr(self.replacement_char) if self.errors == "replace" else ""

    @property
    def error_handler(self) -> str:
        """The name by which Python's codecs know what to do with errors."""
        return self.errors if self.errors != "replace" else replacing_by(self.replacement)


def replacing_by(replacement: str) -> str:
    """The name by which Python's codecs know to put a replacement where they can't decode."""
    name = f"hornbook.replacing_by_{ord(replacement):x}"
    codecs.register_error(name, lambda error: (replacement, error.end))  # type: ignore[attr-defined]
    return name


def is_character(codepoint: int) -> bool:
    """Says whether a number is that of a character: a code point, but no surrogate."""
    return 0 <= codepoint <= LAST_CODEPOINT and codepoint not in SURROGATES
