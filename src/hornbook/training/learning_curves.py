"""Learning curves as a picture."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hornbook.errors import BackendError, DataError

Curve = Sequence[float]

LOGARITHMIC_FROM = 10.0  # greatest over smallest value
NOT_CURVES = ("epoch", "learning_rate")
COLOURS = {"training": "#2a6f97", "validation": "#c8553d"}


def plot_history(history: Any, path: str | Path, title: str | None = None) -> Path:
    """Draws a training run: one panel a metric, with its validation beside it.

    A metric that falls or rises tenfold, as perplexity does, has a logarithmic axis.

    Args:
        history: what `fit` returns, its `history` dict, or the path of a CSV file that
            `keras.callbacks.CSVLogger` wrote.
        path: where the picture goes; the suffix says which format, such as .png or .svg.
        title: stands above the panels.

    Returns:
        The path.

    Raises:
        BackendError: when matplotlib is not installed.
        DataError: when there is nothing to draw.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "curve.png"
        >>> plot_history({"loss": [4.1, 2.9, 2.2], "val_loss": [4.0, 3.0, 2.6]}, path).is_file()
        True
    """
    curves = _read(history)
    names = [name for name in curves if not name.startswith("val_") and name not in NOT_CURVES]
    if not any(curves[name] for name in names):
        raise DataError("The history holds no epoch; expected at least one metric of one epoch")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendError(
            "Learning curves need matplotlib; run: pip install 'hornbook[plot]'"
        ) from error
    figure = Figure(figsize=(5.2 * len(names), 3.8), dpi=150, layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        lines = {"training": curves[name], "validation": curves.get(f"val_{name}", [])}
        _draw(axes, name, {label: line for label, line in lines.items() if line})
    if title:
        figure.suptitle(title)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return Path(path)


def _draw(axes: Any, name: str, lines: Mapping[str, Curve]) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

    for label, line in lines.items():
        axes.plot(
            range(1, len(line) + 1),
            line,
            color=COLOURS[label],
            marker="o",
            markersize=3.5,
            label=f"{label}, last {line[-1]:.4g}",
        )
    values = [value for line in lines.values() for value in line]
    spread = max(values) / min(values) if min(values) > 0 else 0.0
    if spread > LOGARITHMIC_FROM:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if spread < 1000 else (1,)))
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
    epochs = max(map(len, lines.values()))
    margin = 0.04 * max(epochs - 1, 1)
    axes.set_xlim(1 - margin, epochs + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_title(name.replace("_", " "))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


def _read(history: Any) -> dict[str, list[float]]:
    """Brings a history to metric -> values."""
    if isinstance(history, str | Path):
        with Path(history).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        # A metric that was not evaluated in an epoch is an empty field, or NA.
        names = rows[0].keys() if rows else ()
        return {
            name: [float(row[name]) for row in rows if row[name] not in ("", "NA", None)]
            for name in names
        }
    found = history if isinstance(history, Mapping) else history.history
    return {name: [float(value) for value in values] for name, values in found.items()}
