"""The text that a tokenizer is trained on, one string after the other."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.errors import TokenizerError
from hornbook.tokenizers import tensorflow_inputs, text_inputs

Progress = Callable[[int], None]
REPORT_EVERY = 1000


def read_corpus(data: Any, progress: Progress | None = None) -> Iterator[str]:
    """Reads a corpus as a stream; it need not fit into memory.

    Args:
        data: strings in any iterable (a batch of strings counts as its strings), a
            `tf.data.Dataset` of strings, batched or not, or a list of paths of text files, of
            which each line is a string. A list of strings that are all names of existing files is
            a list of paths.
        progress: called now and then with the number of strings read so far.

    Raises:
        TokenizerError: when some paths don't exist or can't be read, or an item isn't text.
    """
    count = 0
    for count, text in enumerate(_strings(data), start=1):  # used after the loop
        yield text
        if progress is not None and count % REPORT_EVERY == 0:
            progress(count)
    if progress is not None:
        progress(count)


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str | bytes | Path):
        raise TokenizerError(
            f"Got {str(data)[:80]!r}; expected several strings, or a list of paths"
        )
    if tensorflow_inputs.is_tensorflow(data):
        items: Iterable[Any] = data.as_numpy_iterator()
    elif paths := _paths(data):
        items = (line for path in paths for line in _lines(path))
    elif isinstance(data, Iterable):
        items = data
    else:
        raise TokenizerError(f"Got {type(data).__name__}; expected strings to train on")
    for item in items:
        if isinstance(item, np.ndarray):
            item = item.reshape(-1)
        yield from text_inputs.to_strings(item)[0]


def _paths(data: Any) -> list[Path]:
    """The paths in a list, an empty list if it holds texts."""
    if not isinstance(data, list | tuple) or not data:
        return []
    if not all(isinstance(item, str | Path) for item in data):
        return []
    exist = [isinstance(item, Path) or _is_file(item) for item in data]
    if any(exist) and not all(exist):
        missing = data[exist.index(False)]
        raise TokenizerError(
            f"Some of the strings are names of files, but {missing[:400]!r} is not; to train on "
            "the strings themselves, pass them as an iterator: iter(strings)"
        )
    return [Path(item) for item in data] if all(exist) else []


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or with a character that no name has
        return False


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield line.rstrip("\n")
    except (OSError, UnicodeError) as error:
        raise TokenizerError(f"Can't read {path}: {error}") from error
