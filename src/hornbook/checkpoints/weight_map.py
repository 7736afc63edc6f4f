"""Weights as a table that runs both ways: a checkpoint's tensors <-> a model's variables.

Both sides are strict. Each tensor is accounted for by exactly one row and each variable is written
exactly once; what is left over on either side is one error that lists it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hornbook.checkpoints.checkpoint import TensorSource
from hornbook.checkpoints.weight_ops import Identity, MisfitError, Op
from hornbook.errors import CheckpointError


def always(config: Any) -> bool:
    """The condition of a row that holds for every config."""
    return True


def flag(attribute: str) -> Callable[[Any], bool]:
    """The condition of a row that holds where a switch of the config is on."""

    def is_on(config: Any) -> bool:
        return bool(getattr(config, attribute))

    return is_on


def all_layers(config: Any) -> range:
    """The numbers of all layers."""
    return range(config.num_layers)


def tied(config: Any) -> bool:
    """Whether the output projection is the token embedding."""
    return config.tie_word_embeddings


def untied(config: Any) -> bool:
    """Whether the output projection has weights of its own."""
    return not config.tie_word_embeddings


def _names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


@dataclass(frozen=True)
class Map:
    """Tensors of the checkpoint and the variables that they become.

    A `{i}` in the names runs over the layers, and a `{e}` in those of the tensors over the experts.

    Attributes:
        tensors: the name or names in the checkpoint.
        variables: the path or paths in the model.
        op: what happens between them.
        when: for which configs the row holds.
        layers: for which layers it holds, given a config; all by default.
        kept: whether the variables are only kept, to be written again, and nothing is computed
            from them.
    """

    tensors: str | tuple[str, ...]
    variables: str | tuple[str, ...]
    op: Op = field(default_factory=Identity)
    when: Callable[[Any], bool] = always
    layers: Callable[[Any], Iterable[int]] = all_layers
    kept: bool = False

    def expand(self, config: Any) -> Iterator["Map"]:
        """The row once for each layer, or once where it has no `{i}`."""
        tensors, variables = _names(self.tensors), _names(self.variables)
        indexed = any("{i}" in name for name in tensors)
        for i in self.layers(config) if indexed else (0,):
            yield Map(
                tuple(
                    name.replace("{i}", str(i)).replace("{e}", str(e))
                    for name in tensors
                    for e in range(config.num_experts if "{e}" in name else 1)
                ),
                tuple(name.replace("{i}", str(i)) for name in variables),
                self.op,
                kept=self.kept,
            )


@dataclass(frozen=True)
class Drop:
    """A tensor, or several, that carry nothing this model uses, and why."""

    tensors: str | tuple[str, ...]
    reason: str
    when: Callable[[Any], bool] = always

    def expand(self, config: Any) -> Iterator[str]:
        for tensor in _names(self.tensors):
            for i in range(config.num_layers if "{i}" in tensor else 1):
                yield tensor.replace("{i}", str(i))


Row = Map | Drop


def only(when: Callable[[Any], bool], rows: Iterable[Row]) -> tuple[Row, ...]:
    """The same rows, for those configs alone for which `when` holds as well."""

    def both(row: Row) -> Callable[[Any], bool]:
        return lambda config: when(config) and row.when(config)

    return tuple(replace(row, when=both(row)) for row in rows)


def is_of_pooler(row: Row) -> bool:
    """Whether a row is of the backbone's pooler, which not every checkpoint has."""
    if isinstance(row, Drop):
        return False
    return all(path.startswith("pooler/") for path in _names(row.variables))


def linear(
    tensor: str,
    bricks: str | tuple[str, ...],
    op: Op | None = None,
    *,
    bias: Callable[[Any], bool] = always,
) -> tuple[Map, Map]:
    """The rows of a `Linear` brick, or of several that the checkpoint keeps in one tensor."""
    op = op or Identity()
    kernels = tuple(f"{brick}/kernel" for brick in _names(bricks))
    biases = tuple(f"{brick}/bias" for brick in _names(bricks))
    return Map(f"{tensor}.weight", kernels, op), Map(f"{tensor}.bias", biases, op, bias)


def layer_norm(
    tensor: str,
    brick: str,
    *,
    when: Callable[[Any], bool] = always,
    bias: Callable[[Any], bool] = always,
    layers: Callable[[Any], Iterable[int]] = all_layers,
) -> tuple[Map, Map]:
    """The rows of a `LayerNormalization` brick; `when` and `layers` are those of `Map`."""

    def has_bias(config: Any) -> bool:
        return when(config) and bias(config)

    return (
        Map(f"{tensor}.weight", f"{brick}/scale", when=when, layers=layers),
        Map(f"{tensor}.bias", f"{brick}/bias", when=has_bias, layers=layers),
    )


def weight_and_bias(*layers: str, of: str = "") -> tuple[str, ...]:
    """The names of the tensors of layers, and what they all start with."""
    return tuple(f"{of}{layer}.{name}" for layer in layers for name in ("weight", "bias"))


def expand(rows: Iterable[Row], config: Any) -> tuple[list[Map], set[str]]:
    """The rows that hold for a config, layer by layer, and the names that are dropped."""
    maps: list[Map] = []
    dropped: set[str] = set()
    for row in rows:
        if not row.when(config):
            continue
        if isinstance(row, Drop):
            dropped.update(row.expand(config))
        else:
            maps.extend(row.expand(config))
    return maps, dropped


def read_weights(
    source: TensorSource,
    rows: Iterable[Row],
    config: Any,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    unused: Collection[str] = (),
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields each variable's path and value, reading one row's tensors at a time.

    Args:
        source: the checkpoint.
        rows: the family's weight map.
        config: the family's config.
        shapes: the shape of every variable to fill, by path.
        unused: tensors that belong to parts that this model doesn't have, such as another task's
            head.

    Raises:
        CheckpointError: when tensors are missing or left over, a variable is not written or
            written twice, or a shape doesn't fit. All names are checked before the first read.
    """
    maps, dropped = expand(rows, config)
    _check_names(source, maps, dropped | set(unused), shapes)
    for row in maps:
        tensors = [source.read(name) for name in row.tensors]
        try:
            values = row.op.read(tensors, config)
        except ValueError as error:
            index = error.index if isinstance(error, MisfitError) else 0
            raise CheckpointError(
                f"The tensor '{row.tensors[index]}' doesn't fit the config: {error}."
            ) from error
        for path, value in zip(row.variables, values, strict=True):
            if tuple(value.shape) != tuple(shapes[path]):
                raise CheckpointError(
                    f"The tensor '{row.tensors[0]}' gives '{path}' the shape "
                    f"{tuple(value.shape)}, but the config calls for {tuple(shapes[path])}. "
                    "config.json and the weights are of different models."
                )
            yield path, value


def write_weights(
    values: Callable[[str], np.ndarray], rows: Iterable[Row], config: Any
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields each tensor's name and array for a checkpoint; `values` gives a variable's value."""
    maps, _ = expand(rows, config)
    for row in maps:
        tensors = row.op.write([values(path) for path in row.variables], config)
        for name, tensor in zip(row.tensors, tensors, strict=True):
            yield name, np.ascontiguousarray(tensor)


def _check_names(
    source: TensorSource, maps: list[Map], dropped: set[str], shapes: Mapping[str, Any]
) -> None:
    present = set(source.names())
    wanted = [name for row in maps for name in row.tensors]
    paths = [path for row in maps for path in row.variables]
    problems = []
    for title, names in (
        ("missing from the checkpoint", set(wanted) - present),
        ("in the checkpoint but not part of this model", present - set(wanted) - dropped),
        ("read by more than one row", _repeated(wanted)),
        ("written by more than one row", _repeated(paths)),
        ("variables that no row fills", set(shapes) - set(paths)),
        ("variables that the model doesn't have", set(paths) - set(shapes)),
    ):
        if names:
            listed = ", ".join(sorted(names)[:5])
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            problems.append(f"{title}: {listed}{more}")
    if problems:
        raise CheckpointError("The weights don't fit the model: " + "; ".join(problems) + ".")


def _repeated(names: list[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}
