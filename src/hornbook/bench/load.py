"""`load`: a model from its files into memory."""

import sys
from pathlib import Path

from hornbook.bench.benchmark import Benchmark, Case, Setting
from hornbook.bench.models import DEFAULT, QUICK
from hornbook.bench.process import Job, ask
from hornbook.errors import BenchmarkError

FOLDER = "folder"


def _case(cell: str, setting: Setting) -> Case:
    if cell != FOLDER:
        raise BenchmarkError(f"The cell '{cell}' isn't known; `load` has one: {FOLDER}")
    model, target = setting.the_model, setting.workspace / "saved"
    config = {
        "model": str(model.folder),
        "gguf": None if model.gguf is None else str(model.gguf),
        "dtype": setting.dtype,
        "target": str(target),
        "warm_up": False,
    }
    written = ask(Job("the model to load", "saved_model", config, Path(sys.executable)))
    return Case(
        {"model": str(target), "dtype": setting.dtype, "warm_up": False},
        written["bytes"] / 1e9,
    )


LOAD = Benchmark(
    name="load",
    title="A model from a folder in Hugging Face's format, each time in a process of its own",
    unit="GB/s",
    module="loading",
    contenders=(
        "hornbook/jax",
        "kerashub/jax",
        "hornbook/torch",
        "kerashub/torch",
        "transformers",
        "hornbook/tensorflow",
        "kerashub/tensorflow",
    ),
    cells=(FOLDER,),
    quick_cells=(FOLDER,),
    dtypes=("float32", "bfloat16"),
    case=_case,
    models=(DEFAULT, QUICK),
    rounds=5,
    fresh=True,
)
