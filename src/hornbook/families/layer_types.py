"""Decoders of which some layers see only a window of the last tokens, layer by layer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hornbook.checkpoints.config_map import Conversion, Field
from hornbook.checkpoints.layer_pattern import repeated_pattern, shortest_pattern
from hornbook.errors import ConfigError
from hornbook.families.described import DescribedConfig

KINDS = FULL, SLIDING = "full_attention", "sliding_attention"


@dataclass(frozen=True, kw_only=True)
class WindowedLayers(DescribedConfig):
    """What a config says of each layer's attention.

    Attributes:
        sliding_window: how many of the last tokens a layer with a window sees, its own included;
            None if no layer has one.
        layer_types: "full_attention" or "sliding_attention" for each layer; a shorter tuple is
            repeated.
    """

    sliding_window: int | None = None
    layer_types: tuple[str, ...] = (FULL,)

    def is_windowed(self, index: int) -> bool:
        """Whether a layer sees a window only.

        Raises:
            ValueError: when the layer's type is unknown.
        """
        kind = self.layer_types[index % len(self.layer_types)]
        if kind not in KINDS:
            raise ValueError(f"Layer {index} is of type {kind!r}; expected {' or '.join(KINDS)}.")
        return kind == SLIDING

    def window(self, index: int) -> int | None:
        """The window of a layer, or None.

        Raises:
            ValueError: when the layer has one, and the config doesn't say how long it is.
        """
        if not self.is_windowed(index):
            return None
        if self.sliding_window is None:
            raise ValueError(f"Layer {index} has a window, but sliding_window is None.")
        return self.sliding_window


def layer_types(rule: Callable[[Mapping[str, Any]], Sequence[str]]) -> Field:
    """The row of the key "layer_types", a list with every layer.

    Args:
        rule: gives the list from a file that has none.
    """

    def read(raw: Mapping[str, Any]) -> tuple[str, ...]:
        types = raw.get("layer_types")
        types = tuple(rule(raw) if types is None else types)
        if unknown := sorted(set(types) - set(KINDS)):
            raise ConfigError(
                f"'layer_types' has {unknown[0]!r}, but only {' and '.join(KINDS)} are supported."
            )
        if len(types) != raw["num_hidden_layers"]:
            raise ConfigError(
                f"'layer_types' has {len(types)} layers, but 'num_hidden_layers' is "
                f"{raw['num_hidden_layers']}."
            )
        return shortest_pattern(types)

    def write(config: Any) -> list[str]:
        return repeated_pattern((config.layer_types, config.num_layers))

    return Field("layer_types", "layer_types", None, Conversion(read, write, whole=True))


def switched_window(default: int | None, unused: int | None = None) -> tuple[Field, Field]:
    """The rows of "use_sliding_window" and "sliding_window", which counts where the first is true.

    Args:
        default: the window of a file that doesn't give it.
        unused: what is written where it doesn't count.
    """

    def read(raw: Mapping[str, Any]) -> int | None:
        return raw.get("sliding_window", default) if raw.get("use_sliding_window") else None

    def write(config: Any) -> int | None:
        return config.sliding_window if is_used(config) else unused

    def is_used(config: Any) -> bool:
        return config.sliding_window is not None

    return (
        Field("use_sliding_window", (), False, Conversion(lambda raw: (), is_used, whole=True)),
        Field("sliding_window", "sliding_window", default, Conversion(read, write, whole=True)),
    )
