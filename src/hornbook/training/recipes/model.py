"""A recipe's model: one function from the config to a `keras.Model`."""

from typing import Any

import keras

from hornbook import layers
from hornbook.layers.dropout import Dropout
from hornbook.training.next_token_model import NextTokenModel
from hornbook.training.recipes.recipe import ModelConfig

PADDING = 0


def build_model(config: ModelConfig, vocabulary_size: int, sequence_length: int) -> keras.Model:
    """Makes a decoder that predicts the next token; padding is token 0.

    Args:
        config: sizes and choices.
        vocabulary_size: tokens, and the width of the output.
        sequence_length: the longest row, in tokens.

    Returns:
        A model from ids, int [batch, length], to logits [batch, length, vocabulary_size].

    Example:
        >>> model = build_model(ModelConfig(), vocabulary_size=5000, sequence_length=128)
        >>> parameters(model)
        {'embedding': 1312768, 'decoder_1': 394749, 'decoder_2': 394749, 'head': 1285000}
    """
    inputs = keras.Input((None,), dtype="int32", name="token_ids")
    x, tokens = _embed(inputs, config, vocabulary_size, sequence_length)
    for number in range(1, config.num_layers + 1):
        x = _drop(config, x)
        x = layers.TransformerDecoder(
            config.intermediate_dim,
            config.num_heads,
            activation=config.activation,
            layer_norm_epsilon=config.layer_norm_epsilon,
            normalize_first=config.normalize_first,
            name=f"decoder_{number}",
        )(x)
    if config.final_norm:
        x = layers.LayerNormalization(config.layer_norm_epsilon, name="final_norm")(x)
    x = _drop(config, x)
    if tokens is None:
        return NextTokenModel(inputs, layers.Linear(vocabulary_size, name="head")(x))
    return NextTokenModel(inputs, tokens(x, reverse=True))


def _embed(inputs: Any, config: ModelConfig, vocabulary: int, length: int) -> tuple[Any, Any]:
    """Vectors of tokens and positions; and the token embedding, if it is the output layer too."""
    if config.output == "dense":
        embedding = layers.TokenAndPositionEmbedding(
            vocabulary, length, config.embedding_dim, mask_zero=True, name="embedding"
        )
        return embedding(inputs), None
    tokens = layers.ReversibleEmbedding(
        vocabulary, config.embedding_dim, mask_zero=True, name="embedding"
    )
    vectors = tokens(inputs)
    positions = layers.PositionEmbedding(length, name="positions")(vectors)
    return keras.layers.Add(name="embedding_and_positions")([vectors, positions]), tokens


def _drop(config: ModelConfig, x: Any) -> Any:
    return Dropout(config.dropout)(x) if config.dropout else x


def parameters(model: Any) -> dict[str, int]:
    """The parameters of each layer that has any, by its name."""
    counts = {layer.name: layer.count_params() for layer in model.layers}
    return {name: count for name, count in counts.items() if count}
