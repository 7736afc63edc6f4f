"""The command line, `hornbook COMMAND`: results on stdout, progress and errors on stderr."""

import os
import sys

from hornbook.errors import HornbookError

__all__ = ["main"]

INTERRUPTED = 128 + 2  # what a shell reports for a program that SIGINT ended


def main() -> None:
    """Runs the command in `sys.argv` and exits.

    The status is 0 for success, 1 for an error, 2 for a wrong command line and 130 for Ctrl-C. An
    error is one message on stderr; `HORNBOOK_DEBUG=1` adds its traceback.
    """
    try:
        from hornbook.cli.app import app

        app(prog_name="hornbook")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not try to flush it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (HornbookError, OSError) as error:
        if os.environ.get("HORNBOOK_DEBUG"):
            raise
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
