"""Layers that were applied and lead nowhere."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import keras

from hornbook.training.checks.finding import Finding, Run, listed

_CLAIMED: weakref.WeakSet[Any] = weakref.WeakSet()


def claim(model: Any) -> None:
    """Notes that a model has its layers, also for when it is gone and they aren't.

    The head of a task that was thrown away is still applied to its backbone.
    """
    _CLAIMED.update(model._flatten_layers())


def check(run: Run) -> Iterator[Finding]:
    """Follows a functional model's inputs forward to layers that no output depends on.

    Layers of another model that still exists are meant for that one: a feature extractor's
    original, the second head on a shared trunk. A subclassed model has no graph; what it never
    uses shows in training (see `first_steps`).
    """
    claim(run.model)
    unused = [layer for layer in _reached(run.model) if layer not in _CLAIMED]
    if unused:
        elsewhere = _layers_of_other_models(run.model)
        unused = [layer for layer in unused if id(layer) not in elsewhere]
    if unused:
        names = [layer.name for layer in unused]
        one = len(names) == 1
        yield Finding(
            "layer_not_connected",
            f"{'Layer' if one else 'Layers'} {listed(names)} {'was' if one else 'were'} applied, "
            f"but no output of the model depends on {'it' if one else 'them'}; pass the result on "
            f"to the next layer, or delete {'it' if one else 'them'}.",
        )


def _reached(model: Any) -> list[Any]:
    """The layers that a model's inputs flow into, in the order in which they are met."""
    operations = [tensor._keras_history.operation for tensor in keras.tree.flatten(_inputs(model))]
    seen = {id(operation) for operation in operations}
    for operation in operations:  # grows as it is walked
        for node in operation._outbound_nodes:
            if id(node.operation) not in seen:
                seen.add(id(node.operation))
                operations.append(node.operation)
    return [one for one in operations if isinstance(one, keras.layers.Layer)]


def _inputs(model: Any) -> Any:
    """The symbolic inputs of a functional or sequential model; nothing of another."""
    inputs = getattr(model, "inputs", None)
    return [t for t in inputs or () if getattr(t, "_keras_history", None) is not None]


def _layers_of_other_models(model: Any) -> set[int]:
    """Searches all of memory, so it is asked only when there is something to find."""
    others = [
        one for one in gc.get_objects() if issubclass(type(one), keras.Model) and one is not model
    ]
    return {id(layer) for other in others for layer in other._flatten_layers()}
