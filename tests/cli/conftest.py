"""Runs commands in this process, as the installed `hornbook` does."""

import json
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import pytest

from hornbook.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit status and what it wrote."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def hornbook(monkeypatch, capsys):
    """A function that runs `hornbook` with arguments and returns its outcome."""
    # Commands set the process's warning filters and display; the tests' own come back afterwards.
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["hornbook", *map(str, arguments)])
        capsys.readouterr()
        with warnings.catch_warnings(), pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return Outcome(stop.value.code or 0, captured.out, captured.err)

    return run
