"""What a benchmark is: who takes part, in which cells, and what a cell asks of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.bench.bounds import Bound
from hornbook.bench.limits import Limits
from hornbook.bench.models import Model
from hornbook.errors import BenchmarkError


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user chose; None is the benchmark's own default.

    Attributes:
        model: the model's name or handle.
        dtype: of the weights, or the policy of a training.
        cells: the cases, as the benchmark names them.
        contenders: who takes part.
        rounds: how often each works; the medians count.
        together: how many are in memory at once and take turns.
        new: tokens that are generated, the first one included.
        seed: of the weights that `train` starts with.
        texts: files or folders, `package://module/path` included, to tokenize.
        quick: the smallest form, which only shows that it works.
    """

    model: str | None = None
    dtype: str | None = None
    cells: tuple[str, ...] | None = None
    contenders: tuple[str, ...] | None = None
    rounds: int | None = None
    together: int | None = None
    new: int = 128
    seed: int = 0
    texts: tuple[str, ...] | None = None
    quick: bool = False


@dataclass(frozen=True)
class Setting:
    """What the cases of a run have in common.

    Attributes:
        options: the user's.
        dtype: theirs, or the default.
        model: the model, for benchmarks of one.
        limits: the machine's.
        workspace: a folder for files that contenders read.
    """

    options: Options
    dtype: str
    model: Model | None
    limits: Limits
    workspace: Path

    @property
    def the_model(self) -> Model:
        """The model of a benchmark that has one."""
        assert self.model is not None
        return self.model


@dataclass(frozen=True)
class Case:
    """A cell.

    Attributes:
        config: what each contender's process is given, beside its `library`.
        amount: what a round does, in the benchmark's unit without the "/s".
        bound: the rate that the machine's limits allow, or None.
    """

    config: Mapping[str, Any]
    amount: float
    bound: Bound | None = None


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A comparison.

    Attributes:
        name: on the command line.
        title: what is compared, in a line.
        unit: of the rates; more is better.
        module: of `hornbook.bench.contenders`, what each process runs.
        contenders: all of them; those on one backend stand together, as they take turns.
        cells: the cases of a full run; a cell is named by numbers, as "8x512", or by a word.
        quick_cells: those of the short form.
        dtypes: what the weights can be held in, or the policies; the default first.
        case: from a cell to what is to be done.
        models: the names of the default model and of that of the short form; None without a model.
        plays: from a contender and a cell to whether it takes part in that.
        excluded: from a contender and the model to why it can't run, or an empty string.
        rounds: how often each works by default.
        together: how many are in memory at once by default, of those on one framework.
        fresh: whether each round is a process of its own.
        restart: whether the first call of a second process is measured too.
    """

    name: str
    title: str
    unit: str
    module: str
    contenders: tuple[str, ...]
    cells: tuple[str, ...]
    quick_cells: tuple[str, ...]
    dtypes: tuple[str, ...]
    case: Callable[[str, Setting], Case]
    models: tuple[str, str] | None = None
    plays: Callable[[str, str], bool] = lambda name, cell: True
    excluded: Callable[[str, Model], str] = lambda name, model: ""
    rounds: int = 3
    together: int = 4
    fresh: bool = False
    restart: bool = False


def numbers(cell: str, form: str) -> list[int]:
    """The numbers of a cell.

    Args:
        cell: as the user wrote it.
        form: as it should be, such as "BATCHxPROMPT".

    Raises:
        BenchmarkError: when it has another form.

    Example:
        >>> numbers("8x512", "BATCHxPROMPT")
        [8, 512]
    """
    parts = cell.split("x")
    if len(parts) != len(form.split("x")) or not all(
        part.isdigit() and int(part) for part in parts
    ):
        raise BenchmarkError(f"The cell '{cell}' should have the form {form}, such as 8x512")
    return [int(part) for part in parts]
