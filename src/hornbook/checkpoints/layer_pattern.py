"""A choice for each layer: a list over all layers in the file, a repeated pattern in the config."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hornbook.checkpoints.config_map import Conversion
from hornbook.checkpoints.rope_config import read_rope, write_rope
from hornbook.errors import ConfigError


def shortest_pattern(choices: Sequence[Any]) -> tuple[Any, ...]:
    """The shortest pattern that, repeated, begins with all choices.

    Example:
        >>> shortest_pattern(["full", "local", "local", "full"])
        ('full', 'local', 'local')
    """
    for length in range(1, len(choices)):
        if all(choice == choices[i % length] for i, choice in enumerate(choices)):
            return tuple(choices[:length])
    return tuple(choices)


def repeated_pattern(value: tuple[Sequence[Any], int]) -> list[Any]:
    """A choice for each layer, from a pattern and the number of layers.

    Example:
        >>> repeated_pattern((("full", "local", "local"), 4))
        ['full', 'local', 'local', 'full']
    """
    pattern, num_layers = value
    return [pattern[i % len(pattern)] for i in range(num_layers)]


def listed_layers(raw: Mapping[str, Any], key: str) -> list[Any] | None:
    """The choices for all layers that a file lists under a key, perhaps among more; or None.

    Raises:
        ConfigError: when there are fewer.
    """
    choices, number = raw.get(key), raw["num_hidden_layers"]
    if choices is None:
        return None
    if len(choices) < number:
        raise ConfigError(
            f"'{key}' has {len(choices)} layers, but 'num_hidden_layers' is {number}."
        )
    return list(choices[:number])


def rope_of_each_kind(
    defaults: Mapping[str, float], old_keys: Mapping[str, str], scaled: Collection[str] = ()
) -> Conversion:
    """Reads and writes the base wavelengths of kinds of layers, in the order of `defaults`.

    Args:
        defaults: the base of each kind of layer, such as "full_attention".
        old_keys: where files of earlier years have it.
        scaled: kinds whose frequencies may be scaled, by `rope_scaling` in files of earlier years;
            after their base comes their scaling, or None.

    Raises:
        ConfigError: when reading meets frequencies of other kinds that are scaled.
    """

    def read(raw: Mapping[str, Any]) -> tuple[Any, ...]:
        given = raw.get("rope_parameters") or {}
        values: list[Any] = []
        for kind, default in defaults.items():
            old = {"rope_theta": raw.get(old_keys[kind], default)}
            if kind in scaled and "rope_parameters" not in raw:
                old |= raw.get("rope_scaling") or {}
            parameters = {**old, **(given.get(kind) or {})}
            base, scaling = read_rope({**raw, "rope_parameters": parameters})
            if scaling is not None and kind not in scaled:
                raise ConfigError(f"'rope_parameters' scales '{kind}', which is not supported.")
            values += [base, scaling] if kind in scaled else [base]
        return tuple(values)

    def write(values: tuple[Any, ...]) -> dict[str, Any]:
        left = iter(values)
        return {
            kind: write_rope((next(left), next(left) if kind in scaled else None))
            for kind in defaults
        }

    return Conversion(read, write)
