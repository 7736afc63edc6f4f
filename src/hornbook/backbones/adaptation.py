"""What changes a finished model by the names of its bricks: one rule for every family."""

from collections.abc import Iterable, Iterator

import keras

from hornbook.layers.linear import Linear


def linear_bricks(model: keras.Model) -> Iterator[Linear]:
    """Every `Linear` brick of a model, nested ones included."""
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, Linear):
            yield layer


def enable_lora(model: keras.Model, rank: int, targets: Iterable[str]) -> None:
    """Freezes a model and adds a trainable low-rank update to its `Linear` bricks of these names.

    Follows Hu et al., "LoRA" (2021).

    Args:
        model: any model made of bricks.
        rank: of the updates.
        targets: names of bricks, such as "query", "value", "up" or "down".

    Raises:
        ValueError: when the model has no brick of one of the names.
    """
    bricks = list(linear_bricks(model))
    missing = sorted(set(targets) - {brick.name for brick in bricks})
    if missing:
        known = ", ".join(sorted({brick.name for brick in bricks}))
        raise ValueError(f"No brick is named {', '.join(missing)}; the model has {known}.")
    chosen = [brick for brick in bricks if brick.name in set(targets)]
    for variable in model.trainable_variables:
        variable.trainable = False
    for brick in chosen:
        brick.enable_lora(rank)


def quantize(model: keras.Model, mode: str = "int8") -> None:
    """Stores the kernels of a model's `Linear` bricks as int8, with one scale an output."""
    for brick in linear_bricks(model):
        brick.quantize(mode)
