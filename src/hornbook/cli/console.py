"""What commands print with: results on stdout, all else on stderr, and quiet libraries."""

import json
import logging
import os
import sys
import warnings
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from hornbook.errors import HornbookWarning

UNWRAPPED = 1000


def stdout() -> Console:
    """A console for results; what isn't a terminal gets whole lines, however long."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else UNWRAPPED)


def stderr() -> Console:
    """A console for progress."""
    return Console(stderr=True, highlight=False)


def write(text: str) -> None:
    """Prints a piece of a result on stdout, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def remark(text: str) -> None:
    """Prints a line on stderr."""
    sys.stderr.write(f"{text}\n")


def write_json(value: Any) -> None:
    """Prints a value as JSON on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def table(*headers: str, right: tuple[str, ...] = ()) -> Table:
    """A plain table; the columns in `right` are aligned to the right."""
    plain = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        plain.add_column(header, justify="right" if header in right else "left", overflow="fold")
    return plain


def quiet_libraries() -> None:
    """Keeps the remarks of Keras's backends off the terminal; hornbook's warnings stay, in a line.

    Called before Keras is imported, since TensorFlow reads its log level once.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    for name in ("jax", "absl", "tensorflow", "torch", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    warnings.simplefilter("default", HornbookWarning)
    warnings.showwarning = _show_warning


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    (file or sys.stderr).write(f"warning: {message}\n")
