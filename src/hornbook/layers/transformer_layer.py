"""One transformer layer: attention and feed-forward, each with its norm and residual."""

from typing import Any, Self

import keras

from hornbook.layers.attention import Attention
from hornbook.layers.feed_forward import FeedForward

PARTS = ("attention_norm", "attention", "feed_forward_norm", "feed_forward")


@keras.saving.register_keras_serializable(package="hornbook")
class TransformerLayer(keras.layers.Layer):
    """Runs attention, then the feed-forward network, each added to its input.

    With `norm_first` each part reads normalised inputs (as in GPT-2); otherwise the sum is
    normalised (as in Vaswani et al., 2017). Call arguments and results are those of `Attention`.
    """

    def __init__(
        self,
        attention: Attention,
        attention_norm: keras.layers.Layer,
        feed_forward: FeedForward,
        feed_forward_norm: keras.layers.Layer,
        *,
        norm_first: bool = True,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.attention = attention
        self.attention_norm = attention_norm
        self.feed_forward = feed_forward
        self.feed_forward_norm = feed_forward_norm
        self.norm_first = norm_first
        self.dropout_rate = dropout
        self.dropout = keras.layers.Dropout(dropout, name="dropout") if dropout else None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        for part in (getattr(self, name) for name in PARTS):
            if not part.built:
                part.build(input_shape)

    def call(
        self,
        inputs: Any,
        attention_mask: Any = None,
        rope: tuple[Any, Any] | None = None,
        cache: tuple[Any, Any] | None = None,
        positions: Any = None,
    ) -> Any:
        x = self.attention_norm(inputs) if self.norm_first else inputs
        x = self.attention(x, attention_mask, rope, cache, positions)
        if cache is not None:
            x, cache = x
        x = inputs + self._dropped(x)
        if not self.norm_first:
            x = self.attention_norm(x)
        y = self.feed_forward_norm(x) if self.norm_first else x
        x = x + self._dropped(self.feed_forward(y))
        if not self.norm_first:
            x = self.feed_forward_norm(x)
        return x if cache is None else (x, cache)

    def compute_output_spec(self, inputs: Any, *_: Any, **__: Any) -> keras.KerasTensor:
        """The shape is the inputs'; saying so spares tracing every layer when a model is made."""
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        parts = {name: getattr(self, name) for name in PARTS}
        return {
            **super().get_config(),
            **{name: keras.saving.serialize_keras_object(part) for name, part in parts.items()},
            "norm_first": self.norm_first,
            "dropout": self.dropout_rate,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in PARTS}
        return cls(**{**config, **parts})

    def _dropped(self, x: Any) -> Any:
        return x if self.dropout is None else self.dropout(x)
