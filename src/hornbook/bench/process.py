"""Contenders' processes, which take turns so that all meet the same machine."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hornbook.errors import BenchmarkError

PROGRAM = Path(__file__).parent / "contenders" / "__main__.py"
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TOKENIZERS_PARALLELISM": "true",
    "HF_HUB_OFFLINE": "1",
    # Several processes share an accelerator's memory.
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}
CACHES = ("HORNBOOK_CACHE", "TORCHINDUCTOR_CACHE_DIR")
"""Folders where programs that were compiled outlive a process."""


@dataclass(frozen=True)
class Job:
    """What a process is to do.

    Attributes:
        name: what reports call it.
        module: of `hornbook.bench.contenders`.
        config: given to the module's `prepare`.
        python: the interpreter.
        backend: of Keras, or empty.
        cache: where compiled programs are kept; None for where they always are.
    """

    name: str
    module: str
    config: Mapping[str, Any]
    python: Path
    backend: str = ""
    cache: Path | None = None


@dataclass
class Measured:
    """What a contender answered.

    Attributes:
        name: the contender.
        start: of its first process: seconds to prepare (`start`) and of the first call.
        restart: the same of its second process, where one was started for that.
        rounds: the answers, one a round.
        failure: why it stopped, or empty.
    """

    name: str
    start: dict[str, float] = field(default_factory=dict)
    restart: dict[str, float] = field(default_factory=dict)
    rounds: list[dict[str, float]] = field(default_factory=list)
    failure: str = ""


class Process:
    """A running contender.

    Raises:
        BenchmarkError: from all methods, when it stopped; with the last line that it said.
    """

    def __init__(self, job: Job) -> None:
        self.name = job.name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        environment = {**os.environ, **ENVIRONMENT}
        if job.backend:
            environment["KERAS_BACKEND"] = job.backend
        if job.cache:
            environment.update(dict.fromkeys(CACHES, str(job.cache)))
        self._process = subprocess.Popen(
            [str(job.python), str(PROGRAM), job.module, json.dumps(dict(job.config))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.start: dict[str, float] = {}

    def wait_until_ready(self) -> None:
        """Waits for the first answer, which has the seconds that the start took."""
        self.start = self._answer()

    def run(self) -> dict[str, Any]:
        """Lets it work once."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("run\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._stopped() from None
        return self._answer()

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()
        self._errors.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._stopped()
        return dict(json.loads(line))

    def _stopped(self) -> BenchmarkError:
        status = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        reason = said[-1].strip() if said else f"exit status {status}"
        return BenchmarkError(f"{self.name} stopped: {reason}")


@contextmanager
def running(job: Job) -> Iterator[Process]:
    """A process that is ready, and ends with the block."""
    process = Process(job)
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.close()


def ask(job: Job) -> dict[str, Any]:
    """Lets a process work once, and ends it."""
    with running(job) as process:
        return process.run()


def take_turns(
    jobs: Sequence[Job],
    rounds: int,
    tell: Callable[[str], None],
    *,
    fresh: bool = False,
    restart: bool = False,
) -> list[Measured]:
    """Lets contenders work by turns: all once, then all again.

    One that stops is left out from then on, and its `failure` says why.

    Args:
        jobs: the contenders.
        rounds: how many times each works.
        tell: is told what runs.
        fresh: start a process for each round, for work that counts only once in a process.
        restart: start each process twice before the rounds, to see what the second one spares.
    """
    results = {job.name: Measured(job.name) for job in jobs}
    processes: dict[str, Process] = {}
    try:
        for number in range(rounds):
            for job in jobs:
                measured = results[job.name]
                if measured.failure:
                    continue
                tell(f"{job.name}, round {number + 1} of {rounds}")
                try:
                    _take_turn(job, measured, processes, restart)
                except BenchmarkError as error:
                    measured.failure = str(error)
                if fresh or measured.failure:
                    _close(processes, job.name)
    finally:
        for process in processes.values():
            process.close()
    return list(results.values())


def _close(processes: dict[str, Process], name: str) -> None:
    if name in processes:
        processes.pop(name).close()


def _take_turn(job: Job, measured: Measured, processes: dict[str, Process], restart: bool) -> None:
    if job.name not in processes:
        if restart:
            with running(job) as first:
                measured.start = first.start
        processes[job.name] = Process(job)
        processes[job.name].wait_until_ready()
        if restart:
            measured.restart = processes[job.name].start
        measured.start = measured.start or processes[job.name].start
    measured.rounds.append(processes[job.name].run())
