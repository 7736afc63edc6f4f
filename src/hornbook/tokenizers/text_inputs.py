"""The forms in which text reaches a tokenizer, brought to a list of strings."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hornbook.errors import TokenizerError


def to_strings(
    inputs: Any, from_bytes: Callable[[bytes], str] | None = None
) -> tuple[list[str], bool]:
    """Brings text to a list of strings.

    Args:
        inputs: a string, UTF-8 bytes, or a list, tuple or one-dimensional array of these.
        from_bytes: reads bytes, instead of taking them for UTF-8.

    Returns:
        The strings, and whether the input was a batch rather than one string.

    Raises:
        TokenizerError: for anything else, for bytes that are not UTF-8, and for lone surrogates.
    """
    read = from_bytes or _from_utf8
    if isinstance(inputs, str | bytes):
        return [_to_string(inputs, read)], False
    if isinstance(inputs, np.ndarray | np.generic):
        if inputs.ndim == 0:
            return [_to_string(inputs.item(), read)], False
        if inputs.ndim != 1:
            raise TokenizerError(
                f"Got an array of shape {inputs.shape}; expected one string or a "
                "one-dimensional array of strings: call reshape(-1) on it"
            )
        inputs = inputs.tolist()
    if isinstance(inputs, list | tuple):
        # A batch of one kind, as most are, needs no look at each of its texts.
        kinds = set(map(type, inputs))
        if kinds == {str}:
            return list(inputs), True
        if kinds == {bytes} and from_bytes is None:
            with contextlib.suppress(UnicodeDecodeError):  # what is wrong is said below
                return list(map(bytes.decode, inputs)), True
        return [_to_string(text, read) for text in inputs], True
    raise TokenizerError(
        f"Got {type(inputs).__name__}; expected a string, or a list or array of strings"
    )


def to_word_lists(inputs: Any) -> tuple[list[list[str]], bool]:
    """Brings text that is already split into words to lists of words.

    A list of strings is one text; a list of lists of strings is a batch.
    """
    if isinstance(inputs, np.ndarray):
        inputs = inputs.tolist()
    if isinstance(inputs, str | bytes):
        inputs = [inputs]
    if isinstance(inputs, list | tuple):
        if inputs and isinstance(inputs[0], list | tuple | np.ndarray):
            return [to_strings(words)[0] for words in inputs], True
        return [to_strings(inputs)[0]], False
    raise TokenizerError(
        f"Got {type(inputs).__name__}; with split=False a list of words, or a list of such lists, "
        "is expected"
    )


def explain_bad_text(texts: Sequence[Any]) -> TokenizerError | None:
    """Finds the text that can't be encoded, None if all can."""
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            return TokenizerError(f"Text {position} is {type(text).__name__}; expected a string")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            return TokenizerError(
                f"Text {position} holds the lone surrogate U+{ord(text[error.start]):04X} at "
                f"character {error.start}, which no UTF-8 text can hold; decode the bytes with "
                "errors='replace', or remove it"
            )
    return None


@contextlib.contextmanager
def explained(texts: Sequence[Any]) -> Iterator[None]:
    """Makes an error about texts say which text it is about and why, where that can be found."""
    try:
        yield
    except TokenizerError as error:
        raise (explain_bad_text(texts) or error) from error


def _from_utf8(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise TokenizerError(
            f"Got bytes that are not UTF-8 (byte {error.start} is 0x{text[error.start]:02X}); "
            "decode them with the right encoding first"
        ) from error


def _to_string(text: Any, from_bytes: Callable[[bytes], str]) -> str:
    if isinstance(text, str):
        return text
    if isinstance(text, bytes):
        return from_bytes(text)
    raise TokenizerError(
        f"Got {type(text).__name__} where a string was expected; texts are a string, or a list or "
        "one-dimensional array of strings"
    )
