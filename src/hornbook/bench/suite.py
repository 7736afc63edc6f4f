"""Runs a benchmark: limits first, then cell by cell, with contenders that take turns."""

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from hornbook.bench.benchmark import Benchmark, Case, Options, Setting
from hornbook.bench.encode import ENCODE, FINE_TUNE
from hornbook.bench.generation import DECODE, PREFILL
from hornbook.bench.limits import Limits, measure_limits
from hornbook.bench.load import LOAD
from hornbook.bench.models import Model, open_model
from hornbook.bench.process import Job, Measured, take_turns
from hornbook.bench.results import Report, Result
from hornbook.bench.roster import Contender, Interpreters, installed_versions, present
from hornbook.bench.tokenize import TOKENIZE
from hornbook.bench.train import TRAIN
from hornbook.errors import BenchmarkError

BENCHMARKS: Mapping[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (DECODE, PREFILL, TRAIN, ENCODE, FINE_TUNE, LOAD, TOKENIZE)
}
PACKAGES = (
    "hornbook", "keras", "jax", "torch", "tensorflow", "transformers", "tokenizers",
    "sentencepiece", "grain", "numpy", "keras-hub", "llama-cpp-python",
)  # fmt: skip

Tell = Callable[[str], None]


def run(
    name: str,
    options: Options,
    *,
    interpreters: Interpreters | None = None,
    command: str = "",
    tell: Tell = lambda text: None,
    after_cell: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Runs a benchmark.

    Args:
        name: one of `BENCHMARKS`.
        options: what the user chose.
        interpreters: of the libraries that have an environment of their own.
        command: what repeats the run, for the report.
        tell: is told what runs.
        after_cell: is given what is known after each cell.

    Raises:
        BenchmarkError: when there is no such benchmark, cell, type or contender, or when none of
            the contenders can run here.
    """
    if name not in BENCHMARKS:
        raise BenchmarkError(f"No benchmark '{name}'; there are {', '.join(BENCHMARKS)}")
    benchmark, interpreters = BENCHMARKS[name], interpreters or Interpreters()
    names = _chosen(benchmark, options)
    contenders, left_out = present(names, interpreters)
    with tempfile.TemporaryDirectory(prefix="hornbook-bench-") as folder:
        model = _model(benchmark, options, Path(folder))
        if model is not None:
            contenders, excluded = _fitting(benchmark, contenders, model)
            left_out.update(excluded)
        if not contenders:
            raise BenchmarkError(f"Nobody can take part: {'; '.join(left_out.values())}")
        limits = measure_limits(tell, quick=options.quick)
        dtype = options.dtype or benchmark.dtypes[0]
        setting = Setting(options, dtype, model, limits, Path(folder))
        report = Report(
            benchmark=name,
            unit=benchmark.unit,
            model="" if model is None else model.name,
            dtype=dtype,
            command=command,
            date=datetime.now(UTC).isoformat(timespec="minutes"),
            machine=_machine(limits),
            versions=_versions(contenders, interpreters),
            limits=limits.measured,
            left_out=left_out,
        )
        for cell in _cells(benchmark, options):
            report = _with_cell(report, benchmark, cell, setting, contenders, interpreters, tell)
            after_cell(report)
    return report


def _chosen(benchmark: Benchmark, options: Options) -> Sequence[str]:
    names = options.contenders or benchmark.contenders
    for name in names:
        if name not in benchmark.contenders:
            known = ", ".join(f"'{known}'" for known in benchmark.contenders)
            raise BenchmarkError(f"'{name}' takes no part in {benchmark.name}; there are {known}")
    if options.dtype is not None and options.dtype not in benchmark.dtypes:
        known = ", ".join(benchmark.dtypes)
        raise BenchmarkError(f"{benchmark.name} runs in {known}, not in {options.dtype}")
    return [name for name in benchmark.contenders if name in names]


def _cells(benchmark: Benchmark, options: Options) -> tuple[str, ...]:
    return options.cells or (benchmark.quick_cells if options.quick else benchmark.cells)


def _model(benchmark: Benchmark, options: Options, workspace: Path) -> Model | None:
    if benchmark.models is None:
        return None
    full, quick = benchmark.models
    name = options.model or (quick if options.quick else full)
    return open_model(name, workspace)


def _fitting(
    benchmark: Benchmark, contenders: Sequence[Contender], model: Model
) -> tuple[list[Contender], dict[str, str]]:
    """Those that can run the model, and why the others can't."""
    reasons = {one.name: benchmark.excluded(one.name, model) for one in contenders}
    fitting = [one for one in contenders if not reasons[one.name]]
    return fitting, {name: reason for name, reason in reasons.items() if reason}


def _with_cell(
    report: Report,
    benchmark: Benchmark,
    cell: str,
    setting: Setting,
    contenders: Sequence[Contender],
    interpreters: Interpreters,
    tell: Tell,
) -> Report:
    """The report with one cell more."""
    options = setting.options
    tell(f"{benchmark.name} {cell}")
    case = benchmark.case(cell, setting)
    jobs = [
        Job(
            contender.name,
            benchmark.module,
            {**case.config, "library": contender.library},
            interpreters.of(contender),
            contender.backend,
            setting.workspace / "cache",
        )
        for contender in contenders
        if benchmark.plays(contender.name, cell)
    ]
    if not jobs:
        nobody = {cell: "none of these contenders takes part in it"}
        return replace(report, left_out={**report.left_out, **nobody})
    rounds = options.rounds or (1 if options.quick else benchmark.rounds)
    measured: list[Measured] = []
    for group in _groups(jobs, options.together or benchmark.together):
        measured += take_turns(
            group,
            rounds,
            lambda text: tell(f"{benchmark.name} {cell}: {text}"),
            fresh=benchmark.fresh,
            restart=benchmark.restart and not options.quick,
        )
    failures = {f"{one.name}, {cell}": one.failure for one in measured if one.failure}
    return replace(
        report,
        results=(*report.results, *(_result(one, cell, case) for one in measured if one.rounds)),
        limit_texts={**report.limit_texts, **({cell: case.bound.text} if case.bound else {})},
        left_out={**report.left_out, **failures},
    )


def _groups(jobs: Sequence[Job], size: int) -> Iterator[list[Job]]:
    """Jobs that take turns: as many as there is memory for, of one framework."""
    for _, group in groupby(jobs, lambda job: Contender(job.name).framework):
        waiting = list(group)
        while waiting:
            yield waiting[:size]
            waiting = waiting[size:]


def _result(measured: Measured, cell: str, case: Case) -> Result:
    return Result(
        measured.name,
        cell,
        case.amount,
        None if case.bound is None else case.bound.rate,
        tuple(measured.rounds),
        measured.start.get("first_call"),
        measured.restart.get("first_call"),
    )


def _machine(limits: Limits) -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "device": limits.device,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "system": platform.platform(),
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _versions(contenders: Sequence[Contender], interpreters: Interpreters) -> dict[str, str]:
    """Of this interpreter, and of the peers' what it hasn't got."""
    found = {"python": platform.python_version()}
    pythons = [Path(sys.executable), *map(interpreters.of, contenders)]
    for python in dict.fromkeys(pythons):
        found = {**installed_versions(python, PACKAGES), **found}
    return {name: found[name] for name in ("python", *PACKAGES) if name in found}
