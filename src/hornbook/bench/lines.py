"""A report as lines of text, which the terminal and the page both show."""

from hornbook.bench.results import Report, Result

TITLES = {
    "first_token": "first token",
    "whole": "whole",
    "over_weights": "memory / weights",
    "tokens": "tokens",
    "loss": "loss",
}
"""What the answers of contenders are called."""
IN_SECONDS = ("first_token", "whole")


def headers(report: Report, cell: str) -> list[str]:
    """The columns of a cell's table: the contender's name, and then figures."""
    results = report.of(cell)
    return [
        cell,
        report.unit,
        "of the limit",
        "to the best peer",
        "seconds",
        *(TITLES.get(name, name) for name in results[0].others),
        "first call",
        *(["second process"] if _restarted(report, cell) else []),
        "memory",
    ]


def row(report: Report, result: Result) -> list[str]:
    """A contender's figures, in the order of `headers`; what isn't known is a dash."""
    return [
        result.name,
        figure(result.rate),
        "-" if result.share is None else f"{result.share:.0%}",
        "-" if (ratio := report.ratio(result)) is None else f"{ratio:.2f}x",
        seconds(result.seconds),
        *(_other(result, name) for name in result.others),
        _known(result.first_call),
        *([_known(result.second_process)] if _restarted(report, result.cell) else []),
        "-" if result.memory is None else f"{result.memory / 1e9:.2f} GB",
    ]


def limit_line(report: Report, cell: str) -> str:
    """What the limit of a cell is and how it comes about; empty where none is known."""
    limit = report.of(cell)[0].limit
    if limit is None:
        return ""
    return f"limit {figure(limit)} {report.unit}: {report.limit_texts[cell]}"


def machine_lines(report: Report) -> list[str]:
    """The machine and its limits."""
    machine = report.machine
    memory = machine["memory_bytes"] / 1e9
    processor = f"{machine['processor']}, {machine['cores']} cores, {memory:.0f} GB"
    device = machine["device"]
    rates = [
        f"{name} {value / 1e9:,.0f} {'GB/s' if name.startswith('copy') else 'GFLOP/s'}"
        for name, value in report.limits.items()
    ]
    return [
        processor if device == "CPU" else f"{device} ({processor})",
        f"limits: {'; '.join(rates)}",
    ]


def figure(value: float | None) -> str:
    """A number with three digits that count.

    Example:
        >>> figure(1234.5), figure(12.345), figure(0.01234), figure(None)
        ('1,234', '12.3', '0.0123', '-')
    """
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def seconds(value: float) -> str:
    """A time in the unit that fits it.

    Example:
        >>> seconds(12.34), seconds(0.01234), seconds(0.0000123)
        ('12.3 s', '12.3 ms', '0.0123 ms')
    """
    return f"{figure(value)} s" if abs(value) >= 1 else f"{figure(1000 * value)} ms"


def _restarted(report: Report, cell: str) -> bool:
    return any(result.second_process is not None for result in report.of(cell))


def _known(value: float | None) -> str:
    return "-" if value is None else seconds(value)


def _other(result: Result, name: str) -> str:
    value = result.median(name)
    if name in IN_SECONDS:
        return seconds(value)
    return f"{value:,.0f}" if value == round(value) else f"{value:.4g}"
