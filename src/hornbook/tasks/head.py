"""A head's layers, assembled of bricks as a family declares them."""

from typing import Any

import keras

from hornbook.backbones.backbone import Backbone
from hornbook.layers.activation import activation
from hornbook.layers.dropout import Dropout
from hornbook.layers.head_layers import HeadLayers, Pooling, Transform
from hornbook.layers.linear import Linear
from hornbook.layers.norm import LayerNormalization
from hornbook.layers.pooling import SequencePooling
from hornbook.layers.sliding_window_attention import GLOBAL_POSITIONS, ChosenPositions


def head_features(
    backbone: Backbone,
    layers: HeadLayers,
    *,
    pooling: Pooling | None = None,
    dropout: float | None = None,
    units: int | None = None,
    inputs: Any = None,
) -> Any:
    """What the last layer of a head is given, as a symbolic tensor.

    A pooler of the backbone that it doesn't come from is frozen.

    Args:
        backbone: the model without a head.
        layers: the head's structure.
        pooling: instead of the structure's.
        dropout: the rate; None takes that of the structure, else that of the backbone's config.
        units: the transform's width; None keeps the states' width.
        inputs: symbolic inputs of the backbone, instead of its own.

    Returns:
        [batch, features], or without pooling [batch, length, features].
    """
    inputs = backbone.input if inputs is None else inputs
    x = _pooled(backbone, _with_global_tokens(layers, inputs), pooling or layers.pooling)
    rate = dropout_rate(backbone, layers, dropout)
    policy = backbone.token_embedding.dtype_policy
    if layers.transform is not None:
        if rate and layers.transform.dropout_before:
            x = Dropout(rate, dtype=policy, name="transform_dropout")(x)
        x = transformed(backbone, layers.transform, x, units)
    return Dropout(rate, dtype=policy, name="dropout")(x) if rate else x


def output_layer(backbone: Backbone, layers: HeadLayers, units: int, name: str) -> Linear:
    """A head's last layer, with fresh weights as the backbone's."""
    return _linear(backbone, units, layers.use_bias, name)


def dropout_rate(backbone: Backbone, layers: HeadLayers, dropout: float | None) -> float:
    """The rate of a head's dropout: as given, else the structure's, else the backbone's."""
    if dropout is not None:
        return dropout
    if isinstance(layers.dropout, float):
        return layers.dropout
    return backbone.config.dropout if layers.dropout_key or layers.dropout else 0.0


def states(backbone: Backbone, inputs: Any) -> Any:
    """The hidden states [batch, length, features] that a backbone gives."""
    outputs = backbone(inputs)
    return outputs["sequence_output"] if isinstance(outputs, dict) else outputs


def freeze_pooler(backbone: Backbone) -> None:
    """Freezes the pooler of a backbone that has one, for a task that nothing of it goes into."""
    if isinstance(backbone.output, dict) and "pooled_output" in backbone.output:
        backbone.assembly.pooler.trainable = False


def transformed(backbone: Backbone, transform: Transform, x: Any, units: int | None = None) -> Any:
    """Applies a head's dense layer, activation and norm; `units` wide, or as wide as `x`."""
    config = backbone.config
    dense = _linear(backbone, units or x.shape[-1], transform.use_bias, "transform")
    x = activation(transform.activation or config.activation)(dense(x))
    if not transform.norm:
        return x
    epsilon, bias = transform.norm_epsilon, transform.norm_bias
    norm = LayerNormalization(
        config.layer_norm_epsilon if epsilon is None else epsilon,
        config.norm_bias if bias is None else bias,
        dtype=backbone.token_embedding.dtype_policy,
        name="transform_norm",
    )
    return norm(x)


def _with_global_tokens(layers: HeadLayers, inputs: Any) -> Any:
    if layers.global_tokens is None:
        return inputs
    chosen = ChosenPositions(layers.global_tokens == "first", name="chosen_positions")
    return {**inputs, GLOBAL_POSITIONS: chosen(inputs["token_ids"], inputs[GLOBAL_POSITIONS])}


def _pooled(backbone: Backbone, inputs: Any, pooling: Pooling | None) -> Any:
    if pooling == "pooler":
        return backbone(inputs)["pooled_output"]
    freeze_pooler(backbone)
    x = states(backbone, inputs)
    if pooling is None:
        return x
    policy = backbone.token_embedding.dtype_policy
    layer = SequencePooling(pooling, dtype=policy, name="pooling")
    return layer(x, padding_mask=inputs["padding_mask"])


def _linear(backbone: Backbone, units: int, use_bias: bool, name: str) -> Linear:
    return Linear(
        units,
        use_bias,
        keras.initializers.RandomNormal(stddev=backbone.config.initializer_range),
        dtype=backbone.token_embedding.dtype_policy,
        name=name,
    )
