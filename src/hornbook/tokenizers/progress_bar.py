"""How far the training of a tokenizer is, on the terminal."""

import contextlib
import sys
from collections.abc import Iterator

from hornbook.tokenizers.corpus import Progress


def is_watched(progress: Progress | bool | None) -> bool:
    """Whether `progress` asks for bars, and somebody sees them."""
    return progress is True and sys.stderr.isatty()


@contextlib.contextmanager
def shown(progress: Progress | bool | None) -> Iterator[Progress | None]:
    """Gives the function that is told how many strings are read.

    Args:
        progress: such a function, which is given back; True for a bar on stderr, which is only
            there if stderr is a terminal, and gone at the end; False or None for nothing.
    """
    if not isinstance(progress, bool):
        yield progress
    elif not progress:
        yield None
    else:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        columns = (
            TextColumn("training a tokenizer"),
            BarColumn(),
            TextColumn("{task.completed:,} texts read"),
            TimeElapsedColumn(),
        )
        # How long a stream is isn't known, nor how long the library takes after it: the bar pulses.
        with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=None)
            yield lambda count: bar.update(task, completed=count)
