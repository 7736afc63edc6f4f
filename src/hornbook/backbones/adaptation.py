"""What changes a finished model by the names of its bricks: one rule for every family."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import ml_dtypes
import numpy as np
from keras import ops

from hornbook.layers.linear import Linear


def linear_bricks(model: keras.Model) -> Iterator[Linear]:
    """Every `Linear` brick of a model, nested ones included."""
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, Linear):
            yield layer


USUAL_TARGETS = ("query", "value"), ("up", "down")
"""What gets updates unless somebody says otherwise: the first that a model has."""


def enable_lora(model: keras.Model, rank: int, targets: Iterable[str] | None = None) -> None:
    """Freezes a model and adds a trainable low-rank update to its `Linear` bricks of these names.

    Follows Hu et al., "LoRA" (2021).

    Args:
        model: any model made of bricks.
        rank: of the updates.
        targets: names of bricks, such as "query", "value", "up" or "down"; by default the queries
            and values, or in a model without attention the layers of the feed-forward networks.

    Raises:
        ValueError: when the model has no brick of one of the names.
    """
    bricks = list(linear_bricks(model))
    names = {brick.name for brick in bricks}
    if targets is None:
        targets = next((usual for usual in USUAL_TARGETS if names.issuperset(usual)), ())
    targets = set(targets)
    if missing := sorted(targets - names):
        known = ", ".join(sorted(names))
        raise ValueError(f"No brick is named {', '.join(missing)}; the model has {known}.")
    chosen = [brick for brick in bricks if brick.name in targets]
    _freeze(model)
    for brick in chosen:
        brick.enable_lora(rank)


def quantize(model: keras.Model, mode: str = "int8") -> None:
    """Stores the kernels of a model's `Linear` bricks as int8, with one scale an output.

    Routers stay as they are: a small error there chooses other experts.
    """
    for brick in linear_bricks(model):
        if brick.name != "router":
            brick.quantize(mode)


def merged_kernel(brick: Linear) -> np.ndarray[Any, np.dtype[Any]]:
    """The kernel that a `Linear` brick multiplies by, its update added and its scale applied.

    It is computed in float32 and has the dtype of the brick's variables, [units, inputs].
    """
    kernel = _float32(brick.kernel)
    if brick.is_quantized:
        kernel = kernel * _float32(brick.kernel_scale)
    if brick.lora_scale is not None:
        kernel = kernel + brick.lora_scale * (_float32(brick.lora_b) @ _float32(brick.lora_a))
    dtype = brick.variable_dtype
    return kernel.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


def is_adapted(brick: Linear) -> bool:
    """Whether a brick's kernel alone is no longer what it multiplies by."""
    return brick.is_quantized or brick.lora_scale is not None


def adaptations(model: keras.Model) -> dict[str, dict[str, Any]]:
    """By a brick's path, what was done to it: plain values, from which `restore` does it again."""
    return {
        brick.path: {"mode": "int8" if brick.is_quantized else None, **_lora(brick)}
        for brick in linear_bricks(model)
        if is_adapted(brick)
    }


def restore(model: keras.Model, done: Mapping[str, Mapping[str, Any]]) -> None:
    """Adapts the bricks of a model made afresh as `adaptations` says that they were."""
    if any(how["rank"] for how in done.values()):
        _freeze(model)
    for brick in linear_bricks(model):
        how = done.get(brick.path)
        if how and how["mode"]:
            brick.quantize(how["mode"])
        if how and how["rank"]:
            brick.enable_lora(how["rank"], how["alpha"])


def _lora(brick: Linear) -> dict[str, Any]:
    if brick.lora_scale is None:
        return {"rank": None, "alpha": None}
    rank = brick.lora_a.shape[0]
    return {"rank": rank, "alpha": brick.lora_scale * rank}


def _freeze(model: keras.Model) -> None:
    for variable in model.trainable_variables:
        if variable.name not in ("lora_a", "lora_b"):
            variable.trainable = False


def _float32(variable: keras.Variable) -> np.ndarray[Any, np.dtype[Any]]:
    return ops.convert_to_numpy(ops.cast(variable.value, "float32"))
