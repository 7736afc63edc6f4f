"""The page of the figures, made from reports' files and nothing else."""

from collections.abc import Sequence
from pathlib import Path

from hornbook.bench.lines import headers, limit_line, machine_lines, row
from hornbook.bench.results import Report, read_report
from hornbook.bench.suite import BENCHMARKS

HEAD = """# Performance

Made by `python docs/performance.py` from the files in [performance](performance), which
`hornbook bench` writes; each section says which command repeats it.

- Contenders are processes of their own. Those on one framework take turns on one machine, round by
  round and at most four at a time; then the next framework's. Figures are medians. More is better,
  and "to the best peer" divides by the fastest contender that isn't hornbook. KerasHub has an
  environment of its own; every other peer shares hornbook's. "plain" contenders are written by
  hand, without a library's generality: a floor under what costs.
- "of the limit" divides by what the machine allows. Its limits are measured first, with every
  library that is there, and the best counts: bytes read and written a second in a copy of a large
  array, operations a second in a product of square matrices.
- Decoding reads all weights and the cache for each step, so the limit is the bandwidth over these
  bytes. hornbook's greedy search reads
  [less of the vocabulary](decisions/likeliest_product.md), and a copy, which writes too, is not as
  fast as reading: so a figure may be above it. The rate is that of every token after the first: a
  generation of all tokens less one of a single token. Prefill and training are bound by the matrix
  rate of their type.
- "first call" is the first round in a new process, compilations included, with empty caches;
  "second process" the same in the process after that. "memory" is the most that a process held.
"""
NOTHING = "\nThere are no files yet.\n"


def make_page(folder: Path) -> str:
    """The page of all reports in a folder, in the order of the benchmarks and then of the names.

    Raises:
        BenchmarkError: when one of the files holds no report.
    """
    order = list(BENCHMARKS)
    named = [(read_report(path), path.stem) for path in sorted(folder.glob("*.json"))]
    named.sort(key=lambda pair: (order.index(pair[0].benchmark), pair[1]))
    sections = [_section(report, stem, folder) for report, stem in named]
    return HEAD + ("".join(sections) or NOTHING)


def _section(report: Report, stem: str, folder: Path) -> str:
    benchmark = BENCHMARKS[report.benchmark]
    heading = ", ".join(filter(None, (benchmark.name, report.model, report.dtype)))
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    lines = [
        f"\n## {heading[0].upper()}{heading[1:]}",
        f"{benchmark.title}. {report.date[:10]}, {machine_lines(report)[0]}.",
        f"```\n{report.command}\n```",
    ]
    if (folder / f"{stem}.png").is_file():
        lines.append(f"![{heading}]({folder.name}/{stem}.png)")
    for cell in report.cells:
        lines.append(_table(report, cell))
        if text := limit_line(report, cell):
            lines.append(f"{text[0].upper()}{text[1:]}.")
    limits = machine_lines(report)[1]
    lines.append(f"{limits[0].upper()}{limits[1:]}. Versions: {versions}.")
    if report.left_out:
        names = "; ".join(f"{name} ({reason})" for name, reason in report.left_out.items())
        lines.append(f"Left out: {names}.")
    return "\n\n".join(lines) + "\n"


def _table(report: Report, cell: str) -> str:
    titles = headers(report, cell)
    rows: Sequence[Sequence[str]] = [
        titles,
        ["---", *("---:" for _ in titles[1:])],
        *(row(report, result) for result in report.of(cell)),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
