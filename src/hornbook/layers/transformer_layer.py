"""One transformer layer: attention and feed-forward, each with its norm and residual."""

from typing import Any, Self

import keras
from keras import ops

from hornbook.layers.attention import Attention
from hornbook.layers.feed_forward import FeedForward

PARTS = ("attention_norm", "attention", "feed_forward_norm", "feed_forward")
MEMORY_PARTS = ("cross_attention_norm", "cross_attention")


@keras.saving.register_keras_serializable(package="hornbook")
class TransformerLayer(keras.layers.Layer):
    """Runs attention, then the feed-forward network, each added to its input.

    With `norm_first` each part reads normalised inputs (as in GPT-2); otherwise the sum is
    normalised (as in Vaswani et al., 2017). A layer with `cross_attention` attends to a memory
    between the two.

    Call arguments and results are those of `Attention`, with `memory`, `memory_mask`,
    `memory_cache` and `memory_positions` for the cross-attention, whose updated cache comes last.

    Args:
        attention: of the inputs to themselves; any brick with the call form of `Attention`.
        attention_norm: its norm.
        feed_forward: the network.
        feed_forward_norm: its norm.
        cross_attention: of the inputs to a memory, or None.
        cross_attention_norm: its norm.
        norm_first: where the norms stand.
        dropout: rate on the output of each part, in training.
    """

    def __init__(
        self,
        attention: Attention,
        attention_norm: keras.layers.Layer,
        feed_forward: FeedForward,
        feed_forward_norm: keras.layers.Layer,
        *,
        cross_attention: Any = None,
        cross_attention_norm: keras.layers.Layer | None = None,
        norm_first: bool = True,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # a cache may have a dtype of its own
        self.supports_masking = True
        self.attention = attention
        self.attention_norm = attention_norm
        self.feed_forward = feed_forward
        self.feed_forward_norm = feed_forward_norm
        self.cross_attention = cross_attention
        self.cross_attention_norm = cross_attention_norm
        self.norm_first = norm_first
        self.dropout_rate = dropout
        self.dropout = keras.layers.Dropout(dropout, name="dropout") if dropout else None

    def build(
        self,
        inputs_shape: tuple[int | None, ...],
        memory_shape: tuple[int | None, ...] | None = None,
    ) -> None:
        for name, part in self._parts().items():
            shapes = (inputs_shape, memory_shape) if name == "cross_attention" else (inputs_shape,)
            if not part.built:
                part.build(*shapes)

    def call(
        self,
        inputs: Any,
        attention_mask: Any = None,
        rope: tuple[Any, Any] | None = None,
        cache: tuple[Any, Any] | None = None,
        positions: Any = None,
        memory: Any = None,
        memory_mask: Any = None,
        memory_cache: tuple[Any, Any] | None = None,
        memory_positions: Any = None,
    ) -> Any:
        inputs = ops.cast(inputs, self.compute_dtype)

        def attend(x: Any) -> Any:
            return self.attention(x, attention_mask, rope, cache, positions)

        def attend_to_memory(x: Any) -> Any:
            return self.cross_attention(
                x, memory_mask, None, memory_cache, memory_positions, memory
            )

        x, cache = self._add(inputs, attend, self.attention_norm)
        if self.cross_attention is not None:
            x, memory_cache = self._add(x, attend_to_memory, self.cross_attention_norm)
        x, _ = self._add(x, self.feed_forward, self.feed_forward_norm)
        caches = [entry for entry in (cache, memory_cache) if entry is not None]
        return (x, *caches) if caches else x

    def compute_output_spec(self, inputs: Any, *_: Any, **__: Any) -> keras.KerasTensor:
        """The shape is the inputs'; saying so spares tracing every layer when a model is made."""
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **{
                name: keras.saving.serialize_keras_object(part)
                for name, part in self._parts().items()
            },
            "norm_first": self.norm_first,
            "dropout": self.dropout_rate,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        parts = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in (*PARTS, *MEMORY_PARTS)
            if name in config
        }
        return cls(**{**config, **parts})

    def _parts(self) -> dict[str, keras.layers.Layer]:
        names = PARTS if self.cross_attention is None else (*PARTS, *MEMORY_PARTS)
        return {name: getattr(self, name) for name in names}

    def _add(self, x: Any, part: Any, norm: Any) -> tuple[Any, Any]:
        """Adds a part's output to its input; the part's updated cache, if it has one, comes too."""
        outputs = part(norm(x) if self.norm_first else x)
        outputs, cache = outputs if isinstance(outputs, tuple) else (outputs, None)
        x = x + (outputs if self.dropout is None else self.dropout(outputs))
        return (x if self.norm_first else norm(x)), cache
