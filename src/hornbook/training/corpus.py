"""Text files as windows of tokens to train on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hornbook.checkpoints import package_files
from hornbook.errors import DataError

if TYPE_CHECKING:
    from hornbook.tokenizers import Tokenizer

PACKAGE = "package://"
SUFFIXES = {".txt", ".md"}

Windows = tuple[dict[str, Any], Any]


def read_texts(sources: Sequence[str]) -> list[str]:
    """Reads text files, and the .txt and .md files of folders, in the order of their names.

    Args:
        sources: files or folders; `package://module/path` is one inside an installed package.

    Raises:
        DataError: when there is no text, or a file can't be read.
    """
    texts = [_read(path) for source in sources for path in _files(source)]
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise DataError(f"There is no text in {', '.join(sources)}")
    return texts


def _files(source: str) -> list[Path]:
    if source.startswith(PACKAGE):
        path = package_files.find(source.removeprefix(PACKAGE))
    else:
        path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path} doesn't exist; expected a text file, or a folder of them")
    found = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)
    if not found:
        raise DataError(f"{path} holds no .txt or .md file")
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read as UTF-8 text: {error}") from error


def make_windows(tokenizer: "Tokenizer", texts: Sequence[str], length: int) -> Windows:
    """Cuts all texts, joined by end tokens, into windows, so that no token is padding.

    Args:
        tokenizer: of the model.
        texts: documents.
        length: tokens in a window.

    Returns:
        `({"token_ids", "padding_mask"}, labels)`, each [windows, length]; the labels are the
        tokens, one further.

    Raises:
        DataError: when there is less text than one window.
    """
    end = [] if tokenizer.end_token_id is None else [tokenizer.end_token_id]
    ids = np.concatenate(
        [np.array([*row, *end], "int32") for row in tokenizer.encode_batch(list(texts))]
    )
    number = (len(ids) - 1) // length
    if number < 1:
        raise DataError(
            f"The text has {len(ids)} tokens, less than one window of {length + 1}; add text, or "
            "ask for a smaller --sequence-length"
        )
    inputs = ids[: number * length].reshape(number, length)
    labels = ids[1 : number * length + 1].reshape(number, length)
    return {"token_ids": inputs, "padding_mask": np.ones_like(inputs)}, labels


def split(windows: Windows, share: float, seed: int) -> tuple[Windows, Windows | None]:
    """Sets a share of the windows aside for validation; none where that is less than one."""
    inputs, labels = windows
    order = np.random.default_rng(seed).permutation(len(labels))
    held_out = int(len(labels) * share)

    def take(rows: Any) -> Windows:
        return {name: values[rows] for name, values in inputs.items()}, labels[rows]

    return take(order[held_out:]), take(order[:held_out]) if held_out else None
