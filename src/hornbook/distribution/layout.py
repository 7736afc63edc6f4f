"""How weights are split over a mesh of devices, by the names of bricks: one table for all families.

The split is that of Shoeybi et al., "Megatron-LM" (2019): projections into heads and into the
feed-forward network are split by outputs, those back into the residual stream by inputs, so that
each pair communicates once. The vocabulary is split by tokens.
"""

import re
from collections.abc import Iterable
from typing import Any

import keras

from hornbook.errors import ConfigError

SPLIT = "split"

RULES: dict[str, tuple[str | None, ...]] = {
    r"((global_)?(query|key|value)|up|gate)/kernel": (SPLIT, None),
    r"((global_)?(query|key|value)|up|gate)/(bias|kernel_scale)": (SPLIT, None),
    r"((global_)?(query|key|value)|up|gate)/lora_a": (None, None),
    r"((global_)?(query|key|value)|up|gate)/lora_b": (SPLIT, None),
    r"(output|down)/(kernel|lora_a)": (None, SPLIT),
    r"(output|down)/(bias|kernel_scale|lora_b)": (None, None),
    r"(token_embedding/embeddings|lm_head/kernel)": (SPLIT, None),
    r"lm_head/(bias|kernel_scale)": (SPLIT, None),
    r"experts/(gate|up|down)": (SPLIT, None, None),
    r"(router|shared_gate)/(kernel|kernel_scale|lora_a|lora_b)": (None, None),
    r"(position|segment)_embedding/embeddings": (None, None),
    r"position_bias/embeddings": (None, None),
    r"relative/position/(kernel|kernel_scale|lora_a|lora_b)": (None, None),
    r"relative/(content|position|segment)_bias": (None, None),
    r"(relative/segments|mask_embedding)": (None, None, None),
    r"(pooler|transform|classifier|next_sentence)/(kernel|bias|kernel_scale)": (None, None),
    r"(input|output)_projection/(kernel|bias|kernel_scale|lora_a|lora_b)": (None, None),
    r"\w+_norm/(scale|bias)": (None,),
    r"seed_generator\w*/\w+": (None,),
}
"""The end of a variable's path, and which of its axes are split; shorter variables take the first
entries."""


def layout_map(
    device_mesh: keras.distribution.DeviceMesh,
    variables: Iterable[Any],
    axis_name: str = "model",
) -> keras.distribution.LayoutMap:
    """Says how each variable of a model is laid out over a mesh.

    Keras replicates what no pattern of a `LayoutMap` matches, in silence; here every variable is
    listed by its whole path, and one that the table doesn't know is an error. An axis whose length
    the devices don't divide is replicated.

    Args:
        device_mesh: the devices, with an axis of the name `axis_name`.
        variables: those of a model of the same config, made with or without values.
        axis_name: the axis of the mesh that weights are split along.

    Returns:
        A map for `keras.distribution.ModelParallel`, to be set before the model is made.

    Raises:
        ConfigError: when a variable matches no row of the table, or several.

    Example:
        >>> from hornbook.models import GPT2Backbone
        >>> backbone = GPT2Backbone(vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8)
        >>> mesh = keras.distribution.DeviceMesh((1, 1), ("batch", "model"), ["cpu:0"])
        >>> layouts = layout_map(mesh, backbone.variables)
        >>> layouts["layers_0/feed_forward/up/kernel"].axes
        ('model', None)
    """
    devices = device_mesh.shape[device_mesh.axis_names.index(axis_name)]
    layouts = keras.distribution.LayoutMap(device_mesh)
    for variable in variables:
        split = _rule(variable.path)[: len(variable.shape)]
        axes = tuple(
            axis_name if part == SPLIT and size % devices == 0 else None
            for part, size in zip(split, variable.shape, strict=True)
        )
        layouts[variable.path] = keras.distribution.TensorLayout(axes, device_mesh)
    return layouts


def _rule(path: str) -> tuple[str | None, ...]:
    found = [split for end, split in RULES.items() if re.search(rf"(^|/){end}$", path)]
    if len(found) != 1:
        raise ConfigError(
            f"The variable '{path}' matches {len(found)} rows of the layout table; expected one. "
            "Name its brick as other families do, or add a row to hornbook.distribution.layout."
        )
    return found[0]
