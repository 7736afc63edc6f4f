"""A report as bars, with the limit that the machine draws."""

from pathlib import Path
from typing import Any

from hornbook.bench.lines import figure
from hornbook.bench.results import Report, is_own
from hornbook.errors import BackendError

OWN, PEER, LIMIT = "#2a6f97", "#b8bfc6", "#c8553d"


def draw(report: Report, path: Path) -> Path:
    """Draws a panel a cell: a bar for each contender, a line for the limit.

    Raises:
        BackendError: when matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendError(
            "The picture needs matplotlib; run: pip install 'hornbook[plot]'"
        ) from error
    cells = report.cells
    height = 0.7 + 0.3 * max(len(report.of(cell)) for cell in cells)
    columns = min(len(cells), 2)
    rows = -(-len(cells) // columns)
    sheet = Figure(figsize=(6.4 * columns, height * rows + 0.4), dpi=120, layout="constrained")
    panels = sheet.subplots(rows, columns, squeeze=False).flat
    for panel, cell in zip(panels, cells, strict=False):
        _panel(panel, report, cell)
    for panel in list(sheet.axes)[len(cells) :]:
        panel.remove()
    sheet.suptitle(
        " ".join(filter(None, (report.benchmark, report.model, report.dtype, f"({report.unit})")))
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, metadata={"Software": None})
    return path


def _panel(axes: Any, report: Report, cell: str) -> None:
    results = report.of(cell)
    bars = axes.barh(
        [result.name for result in results],
        [result.rate or 0.0 for result in results],
        color=[OWN if is_own(result.name) else PEER for result in results],
        height=0.7,
    )
    axes.bar_label(bars, [figure(result.rate) for result in results], padding=3, fontsize=8)
    limit = results[0].limit
    longest = max([limit or 0.0, *(result.rate or 0.0 for result in results)])
    if limit is not None:
        axes.axvline(limit, color=LIMIT, linestyle="--", linewidth=1.2)
        axes.annotate(
            f"limit {figure(limit)}",
            (limit, 1.0),
            xycoords=("data", "axes fraction"),
            ha="right",
            va="bottom",
            fontsize=8,
            color=LIMIT,
        )
    axes.set_xlim(0, 1.15 * longest or 1.0)
    axes.invert_yaxis()
    axes.set_title(cell, loc="left", fontsize=10)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
