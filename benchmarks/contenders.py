"""Contenders of a benchmark: processes that take turns, so that all meet the same machine."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KERASHUB = HERE / ".venv-kerashub/bin/python"


class Contender:
    """A process that does one piece of work each time that it is asked.

    Args:
        name: what the table calls it.
        script: under `peers`; it says "ready", and answers each line with an object of JSON.
        config: what to do; given to the script.
        python: the interpreter.
        environment: added to this process's.
    """

    def __init__(
        self,
        name: str,
        script: str,
        config: Mapping[str, Any],
        python: str | Path = sys.executable,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.rounds: list[dict[str, float]] = []
        self.process = subprocess.Popen(
            [str(python), str(HERE / "peers" / script), json.dumps(config)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._answer("ready")

    def run(self) -> None:
        """Lets it work once."""
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        self.rounds.append(json.loads(self._answer("{")))

    def finish(self) -> dict[str, Any]:
        """Ends the process: the median seconds, and what else the last round said."""
        self.process.stdin.close()
        self.process.wait()
        seconds = statistics.median(done["seconds"] for done in self.rounds)
        return {**self.rounds[-1], "name": self.name, "seconds": seconds}

    def _answer(self, start: str) -> str:
        for line in self.process.stdout:
            if line.startswith(start):
                return line
        raise SystemExit(f"{self.name} stopped without an answer")


def take_turns(contenders: Sequence[Contender], rounds: int) -> list[dict[str, Any]]:
    """The results of contenders that work by turns, one round after the other."""
    for _ in range(rounds):
        for contender in contenders:
            contender.run()
    return [contender.finish() for contender in contenders]


def library_on(library: str, backend: str, script: str, config: Mapping[str, Any]) -> Contender:
    """A contender that is a library of Keras on one backend, KerasHub from its environment."""
    python = KERASHUB if library == "kerashub" else sys.executable
    return Contender(
        f"{library}, {backend}", script, {**config, "library": library}, python,
        {"KERAS_BACKEND": backend},
    )  # fmt: skip


def has_kerashub() -> bool:
    """Whether KerasHub's environment is there; says so if not."""
    if KERASHUB.exists():
        return True
    print("KerasHub is left out; `make peers` installs it", file=sys.stderr)
    return False
