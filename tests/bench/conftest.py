"""The command line, as its own tests run it."""

from cli.conftest import hornbook

__all__ = ["hornbook"]
