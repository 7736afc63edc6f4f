"""What a benchmark found, as plain values that go to JSON and back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Self

from hornbook.errors import BenchmarkError

OWN = "hornbook"
EXTRA = ("seconds", "memory")
"""Answers of a round that have an attribute of their own."""


@dataclass(frozen=True)
class Result:
    """One contender in one cell.

    Attributes:
        name: the contender.
        cell: the case, such as "8x512".
        amount: what a round does in its `seconds`, in the benchmark's unit without the "/s".
        limit: the rate that the machine's limits allow, in the unit; None where none is known.
        rounds: the answers, one a round, each with `seconds`; others are shown as they are.
        first_call: seconds of the first round, compilations included; None where each is a first.
        second_process: the same in the process after that; None where it wasn't started for it.
    """

    name: str
    cell: str
    amount: float
    limit: float | None
    rounds: tuple[Mapping[str, float], ...]
    first_call: float | None = None
    second_process: float | None = None

    @property
    def seconds(self) -> float:
        """The median of the rounds."""
        return self.median("seconds")

    @property
    def rate(self) -> float | None:
        """Amount a second; None where the time was too short to be measured."""
        return self.amount / self.seconds if self.seconds > 0 else None

    @property
    def share(self) -> float | None:
        """The rate as a share of the limit."""
        return None if self.limit is None or self.rate is None else self.rate / self.limit

    @property
    def memory(self) -> float | None:
        """The most bytes that the process held, where known."""
        return max((done["memory"] for done in self.rounds if "memory" in done), default=None)

    @property
    def others(self) -> list[str]:
        """What else the rounds answered."""
        return [name for name in self.rounds[0] if name not in EXTRA]

    def median(self, name: str) -> float:
        """The median of one of the answers."""
        return float(median(done[name] for done in self.rounds))


@dataclass(frozen=True)
class Report:
    """A run of a benchmark.

    Attributes:
        benchmark: its name.
        unit: of all rates, such as "tokens/s".
        model: what was run.
        dtype: of the weights, or the policy of a training.
        command: what repeats it.
        date: when, ISO 8601.
        machine: device, processor, cores and memory.
        versions: of Python and the packages.
        limits: name of a limit to its value, such as {"copy, bytes/s": 2.1e10}.
        limit_texts: cell to what its limit is made of.
        results: in the order of the cells.
        left_out: contender to the reason why it is missing.
    """

    benchmark: str
    unit: str
    model: str
    dtype: str
    command: str
    date: str
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    limits: Mapping[str, float]
    limit_texts: Mapping[str, str] = field(default_factory=dict)
    results: tuple[Result, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def cells(self) -> list[str]:
        """The cells that have results."""
        return list(dict.fromkeys(result.cell for result in self.results))

    def of(self, cell: str) -> list[Result]:
        """The results of a cell."""
        return [result for result in self.results if result.cell == cell]

    def ratio(self, result: Result) -> float | None:
        """The rate over that of the fastest contender that isn't hornbook; None without one.

        Example:
            >>> def made(name, seconds):
            ...     return Result(name, "1x8", 10.0, None, ({"seconds": seconds},))
            >>> own, peer = made("hornbook/jax", 2.0), made("transformers", 3.0)
            >>> facts = dict(model="", dtype="", command="", date="", machine={}, versions={})
            >>> report = Report("decode", "tokens/s", **facts, limits={}, results=(own, peer))
            >>> report.ratio(own)
            1.5
        """
        peers = [other.rate for other in self.of(result.cell) if not is_own(other.name)]
        fastest = max((rate for rate in peers if rate is not None), default=None)
        return None if fastest is None or result.rate is None else result.rate / fastest

    def to_json(self) -> str:
        """All of it, for a file."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        values = json.loads(text)
        results = [
            Result(**{**result, "rounds": tuple(result["rounds"])}) for result in values["results"]
        ]
        return cls(**{**values, "results": tuple(results)})


def read_report(path: Path) -> Report:
    """A report from its file.

    Raises:
        BenchmarkError: when the file holds no report.
    """
    try:
        return Report.from_json(path.read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(
            f"{path} holds no report of `hornbook bench` ({error}); make it again with --output"
        ) from error


def is_own(name: str) -> bool:
    """Whether a contender is hornbook, on any backend and by any path.

    Example:
        >>> is_own("hornbook/jax"), is_own("hornbook tf.data"), is_own("plain jax")
        (True, True, False)
    """
    return name.replace("/", " ").split()[0] == OWN
