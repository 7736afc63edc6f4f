"""`TransformerEncoder` and `TransformerDecoder`: the layer with `keras_nlp`'s arguments.

They are made of the bricks of the pretrained models; what is here is only the calling form: sizes
taken from the inputs, masks put together, caches in one tensor.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops
from keras.src.backend import get_keras_mask

from hornbook.layers.activation import activation as get_activation
from hornbook.layers.attention import Attention
from hornbook.layers.attention_mask import visible_keys
from hornbook.layers.cached_attention import head_mask, join_cache, row_positions, split_cache
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.norm import LayerNormalization
from hornbook.layers.positions import token_positions
from hornbook.layers.transformer_layer import TransformerLayer

Shape = tuple[int | None, ...]


class TransformerBlock(keras.layers.Layer):
    """What the encoder's and the decoder's block have in common: arguments and construction."""

    def __init__(
        self,
        intermediate_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        activation: str | Callable[[Any], Any] | dict[str, Any] = "relu",
        layer_norm_epsilon: float = 1e-5,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        normalize_first: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        if num_heads < 1:
            raise ValueError(f"num_heads={num_heads}; expected 1 or more.")
        get_activation(activation)  # an unknown name is an error now, not when it is built
        self.intermediate_dim = intermediate_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.activation = activation
        self.layer_norm_epsilon = layer_norm_epsilon
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.normalize_first = normalize_first

    def _build_layer(self, shape: Shape, memory_shape: Shape | None = None) -> None:
        width = int(shape[-1] or 0)
        if width < self.num_heads:
            raise ValueError(
                f"The inputs are {width} wide, which num_heads={self.num_heads} can't share."
            )
        parts: dict[str, Any] = {"dtype": self.dtype_policy}
        initializers = {
            "kernel_initializer": self.kernel_initializer,
            "bias_initializer": self.bias_initializer,
        }

        def norm(name: str) -> LayerNormalization:
            return LayerNormalization(self.layer_norm_epsilon, name=name, **parts)

        def attention(name: str) -> Attention:
            return Attention(
                self.num_heads, self.num_heads, width // self.num_heads, dropout=self.dropout,
                name=name, **initializers, **parts,
            )  # fmt: skip

        memory = memory_shape is not None
        self.layer = TransformerLayer(
            attention("attention"),
            norm("attention_norm"),
            FeedForward(
                self.intermediate_dim, self.activation, name="feed_forward", **initializers, **parts
            ),
            norm("feed_forward_norm"),
            cross_attention=attention("cross_attention") if memory else None,
            cross_attention_norm=norm("cross_attention_norm") if memory else None,
            norm_first=self.normalize_first,
            dropout=self.dropout,
            name="layer",
            **parts,
        )
        self.layer.build(shape, memory_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "intermediate_dim": self.intermediate_dim,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "activation": keras.saving.serialize_keras_object(self.activation),
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "normalize_first": self.normalize_first,
        }


@keras.saving.register_keras_serializable(package="hornbook")
class TransformerEncoder(TransformerBlock):
    """One encoder block: every token attends to every other one that isn't padding.

    Follows Vaswani et al., "Attention Is All You Need" (2017), with `keras_nlp`'s arguments. Each
    head is `features // num_heads` wide, whether or not that divides.

    Call arguments:
        inputs: [batch, length, features].
        padding_mask: [batch, length], true on real tokens; by default the mask that comes with the
            inputs, as of an embedding with `mask_zero`.
        attention_mask: [batch, length, length], true where a token may look.

    Returns:
        [batch, length, features].

    Args:
        intermediate_dim: width of the feed-forward network.
        num_heads: attention heads.
        dropout: rate on the attention weights and on the output of both parts, in training.
        activation: of the feed-forward network.
        layer_norm_epsilon: added to the variance in both norms.
        kernel_initializer: of the kernels.
        bias_initializer: of the biases.
        normalize_first: normalise the inputs of each part, and not its sum.

    Example:
        >>> import numpy as np
        >>> encoder = TransformerEncoder(intermediate_dim=12, num_heads=2)
        >>> encoder(np.ones((2, 3, 8), "float32")).shape
        (2, 3, 8)
    """

    def build(self, inputs_shape: Shape) -> None:
        self._build_layer(inputs_shape)

    def call(self, inputs: Any, padding_mask: Any = None, attention_mask: Any = None) -> Any:
        return self.layer(inputs, _visible(inputs, padding_mask, attention_mask))

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return inputs_shape


@keras.saving.register_keras_serializable(package="hornbook")
class TransformerDecoder(TransformerBlock):
    """One decoder block: tokens attend to those before them, and to an encoder's output if given.

    Follows Vaswani et al., "Attention Is All You Need" (2017), with `keras_nlp`'s arguments. Called
    with one sequence it has no cross-attention, as in GPT-2. Each head is `features // num_heads`
    wide, whether or not that divides.

    Call arguments:
        decoder_sequence: [batch, length, features].
        encoder_sequence: [batch, keys, features], what cross-attention looks at.
        decoder_padding_mask: [batch, length], true on real tokens; by default the mask that comes
            with the sequence. With a cache it is [batch, slots], and by default there is none.
        decoder_attention_mask: [batch, length, length], true where a token may look.
        encoder_padding_mask: [batch, keys], likewise.
        encoder_attention_mask: [batch, length, keys], likewise.
        self_attention_cache: [batch, 2, slots, heads, head_dim], keys and values of what came
            before.
        self_attention_cache_update_index: int, the slot of the sequence's first token.
        cross_attention_cache: [batch, 2, keys, heads, head_dim].
        cross_attention_cache_update_index: int, where the encoder's keys and values go; None reads
            the cache as it is.
        use_causal_mask: whether a token sees only those before it.

    Returns:
        [batch, length, features]; with caches, a tuple of that, the updated self-attention cache
        and, with an encoder sequence, the cross-attention cache.

    Args:
        intermediate_dim: width of the feed-forward network.
        num_heads: attention heads.
        dropout: rate on the attention weights and on the output of each part, in training.
        activation: of the feed-forward network.
        layer_norm_epsilon: added to the variance in the norms.
        kernel_initializer: of the kernels.
        bias_initializer: of the biases.
        normalize_first: normalise the inputs of each part, and not its sum.

    Raises:
        ValueError: when one cache is given without the other, or an encoder sequence comes with a
            block built without one.

    Example:
        >>> import numpy as np
        >>> decoder = TransformerDecoder(intermediate_dim=12, num_heads=3)
        >>> decoder(np.ones((2, 4, 8), "float32")).shape
        (2, 4, 8)
    """

    def build(
        self, decoder_sequence_shape: Shape, encoder_sequence_shape: Shape | None = None
    ) -> None:
        self._build_layer(decoder_sequence_shape, encoder_sequence_shape)

    def call(
        self,
        decoder_sequence: Any,
        encoder_sequence: Any = None,
        decoder_padding_mask: Any = None,
        decoder_attention_mask: Any = None,
        encoder_padding_mask: Any = None,
        encoder_attention_mask: Any = None,
        self_attention_cache: Any = None,
        self_attention_cache_update_index: Any = None,
        cross_attention_cache: Any = None,
        cross_attention_cache_update_index: Any = None,
        use_causal_mask: bool = True,
    ) -> Any:
        self._check(encoder_sequence, self_attention_cache, cross_attention_cache)
        # With a cache, the keys are its slots: the mask that comes with the sequence is of others.
        given = decoder_sequence if self_attention_cache is None else None
        mask = _visible(given, decoder_padding_mask, decoder_attention_mask)
        if use_causal_mask:
            mask = _both(
                mask,
                _causal(decoder_sequence, self_attention_cache, self_attention_cache_update_index),
            )
        memory: dict[str, Any] = {}
        if encoder_sequence is not None:
            memory = {
                "memory": encoder_sequence,
                "memory_mask": _visible(
                    encoder_sequence, encoder_padding_mask, encoder_attention_mask
                ),
                "memory_cache": split_cache(cross_attention_cache),
                "memory_positions": row_positions(
                    decoder_sequence, cross_attention_cache_update_index
                ),
            }
        outputs = self.layer(
            decoder_sequence,
            mask,
            is_causal=use_causal_mask and self_attention_cache is None,
            cache=split_cache(self_attention_cache),
            positions=row_positions(decoder_sequence, self_attention_cache_update_index),
            **memory,
        )
        if self_attention_cache is None:
            return outputs
        return (outputs[0], *map(join_cache, outputs[1:]))

    def compute_output_spec(self, decoder_sequence: Any, *_: Any, **caches: Any) -> Any:
        names = ("self_attention_cache", "cross_attention_cache")
        kept = [caches[name] for name in names if caches.get(name) is not None]
        specs = [
            keras.KerasTensor(given.shape, dtype=self.compute_dtype)
            for given in (decoder_sequence, *kept)
        ]
        return tuple(specs) if kept else specs[0]

    def _check(self, encoder_sequence: Any, cache: Any, cross_cache: Any) -> None:
        if (encoder_sequence is not None) != (self.layer.cross_attention is not None):
            built = "with" if encoder_sequence is None else "without"
            raise ValueError(
                f"The block was built {built} an encoder sequence, and called "
                f"{'without' if built == 'with' else 'with'} one; call it always in one way."
            )
        if encoder_sequence is not None and (cache is None) != (cross_cache is None):
            raise ValueError(
                "Got one of self_attention_cache and cross_attention_cache; with an encoder "
                "sequence both are needed, or neither."
            )


def _visible(sequence: Any, padding_mask: Any, attention_mask: Any) -> Any:
    """Which keys may be looked at, bool [batch, 1, queries or 1, keys]; None for all."""
    if padding_mask is None and sequence is not None:
        padding_mask = get_keras_mask(sequence)
    if padding_mask is not None:
        padding_mask = ops.cast(padding_mask, "bool")[:, None, None, :]
    return _both(padding_mask, head_mask(attention_mask))


def _causal(sequence: Any, cache: Any, index: Any) -> Any:
    length = ops.shape(sequence)[1]
    keys = length if cache is None else ops.shape(cache)[2]
    return visible_keys(token_positions(length, 0 if index is None else index), keys)


def _both(first: Any, second: Any) -> Any:
    if first is None or second is None:
        return second if first is None else first
    return ops.logical_and(first, second)
