"""One transformer layer: attention and feed-forward, each with its norm and residual."""

from typing import Any, Self

import keras
from keras import ops

from hornbook.layers.attention import Attention
from hornbook.layers.dropout import optional_dropout
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.mixture_of_experts import MixtureOfExperts

PARTS = (
    "attention_norm", "attention", "attention_output_norm",
    "cross_attention_norm", "cross_attention",
    "feed_forward_norm", "feed_forward", "feed_forward_output_norm",
)  # fmt: skip


@keras.saving.register_keras_serializable(package="hornbook")
class TransformerLayer(keras.layers.Layer):
    """Runs attention, then the feed-forward network, each added to its input.

    With `norm_first` each part reads normalised inputs (as in GPT-2); otherwise the sum is
    normalised (as in Vaswani et al., 2017). A part's output can have a norm of its own, before it
    is added (as in Gemma 2, and without the other norm in OLMo 2). With `parallel` both parts read
    the layer's inputs, and their sum is added to them (as in GPT-J). A layer with
    `cross_attention` attends to a memory between the two.

    Call arguments and results are those of `Attention`, with `memory`, `memory_mask`,
    `memory_cache` and `memory_positions` for the cross-attention, whose updated cache comes next,
    and with `return_router_logits` for a network of experts, whose router's logits come last.

    Args:
        attention: of the inputs to themselves; any brick with the call form of `Attention`.
        attention_norm: its norm, or None.
        feed_forward: the network.
        feed_forward_norm: its norm, or None; with `parallel`, None shares that of the attention.
        cross_attention: of the inputs to a memory, or None.
        cross_attention_norm: its norm.
        attention_output_norm: of what the attention gives, or None.
        feed_forward_output_norm: of what the network gives, or None.
        norm_first: where the norms stand.
        parallel: whether the network reads the layer's inputs, and not what attention makes of
            them.
        dropout: rate on the output of each part, in training.
        feed_forward_dropout: on that of the network, where it is another.
    """

    def __init__(
        self,
        attention: Attention,
        attention_norm: keras.layers.Layer | None,
        feed_forward: FeedForward | MixtureOfExperts,
        feed_forward_norm: keras.layers.Layer | None,
        *,
        cross_attention: Any = None,
        cross_attention_norm: keras.layers.Layer | None = None,
        attention_output_norm: keras.layers.Layer | None = None,
        feed_forward_output_norm: keras.layers.Layer | None = None,
        norm_first: bool = True,
        parallel: bool = False,
        dropout: float = 0.0,
        feed_forward_dropout: float | None = None,
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
        self.attention_output_norm = attention_output_norm
        self.feed_forward_output_norm = feed_forward_output_norm
        if parallel and not (norm_first and cross_attention is None):
            raise ValueError("Parallel parts need norm_first=True and no cross_attention.")
        self.norm_first = norm_first
        self.parallel = parallel
        self.dropout_rate = dropout
        self.feed_forward_dropout_rate = feed_forward_dropout
        self.dropout = optional_dropout(dropout, self.dtype_policy)
        self.feed_forward_dropout = self.dropout
        if feed_forward_dropout is not None:
            self.feed_forward_dropout = optional_dropout(
                feed_forward_dropout, self.dtype_policy, "feed_forward_dropout"
            )

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
        attention_bias: Any = None,
        attention_context: Any = None,
        past: tuple[Any, Any] | None = None,
        is_causal: bool = False,
        return_router_logits: bool = False,
    ) -> Any:
        inputs = ops.cast(inputs, self.compute_dtype)
        given = {
            "attention_bias": attention_bias,
            "attention_context": attention_context,
            "past": past,
            "is_causal": is_causal or None,
        }
        options = {name: value for name, value in given.items() if value is not None}
        routing = {"return_router_logits": True} if return_router_logits else {}

        def attend(x: Any) -> Any:
            return self.attention(
                x, attention_mask=attention_mask, rope=rope, cache=cache, positions=positions,
                **options,
            )  # fmt: skip

        def attend_to_memory(x: Any) -> Any:
            return self.cross_attention(
                x, memory_mask, None, memory_cache, memory_positions, memory
            )

        def feed(x: Any) -> Any:
            return self.feed_forward(x, **routing)

        if self.parallel:
            x, cache, router_logits = self._add_both(inputs, attend, feed)
        else:
            x, cache = self._add(inputs, attend, "attention")
            if self.cross_attention is not None:
                x, memory_cache = self._add(x, attend_to_memory, "cross_attention")
            x, router_logits = self._add(x, feed, "feed_forward")
        more = [entry for entry in (cache, memory_cache, router_logits) if entry is not None]
        return (x, *more) if more else x

    @property
    def has_router(self) -> bool:
        """Whether the network is one of experts, which a router chooses."""
        return isinstance(self.feed_forward, MixtureOfExperts)

    def compute_output_spec(
        self, inputs: Any, *_: Any, return_router_logits: bool = False, **__: Any
    ) -> Any:
        """The shape is the inputs'; saying so spares tracing every layer when a model is made."""
        outputs = keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
        if not return_router_logits:
            return outputs
        return self.feed_forward.compute_output_spec(outputs, return_router_logits=True)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **{
                name: keras.saving.serialize_keras_object(part)
                for name, part in self._parts().items()
            },
            "norm_first": self.norm_first,
            "parallel": self.parallel,
            "dropout": self.dropout_rate,
            "feed_forward_dropout": self.feed_forward_dropout_rate,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        parts = {name: keras.saving.deserialize_keras_object(config.get(name)) for name in PARTS}
        return cls(**{**config, **parts})

    def _parts(self) -> dict[str, keras.layers.Layer]:
        parts = {name: getattr(self, name) for name in PARTS}
        return {name: part for name, part in parts.items() if part is not None}

    def _norm(self, x: Any, name: str) -> Any:
        norm = getattr(self, name, None)
        return x if norm is None else norm(x)

    def _outputs(self, part: Any, name: str, inputs: Any) -> tuple[Any, Any]:
        """What is added; what else the part gives, such as its updated cache, comes too."""
        outputs = part(inputs)
        outputs, more = outputs if isinstance(outputs, tuple) else (outputs, None)
        outputs = self._norm(outputs, f"{name}_output_norm")
        dropout = self.feed_forward_dropout if name == "feed_forward" else self.dropout
        return outputs if dropout is None else dropout(outputs), more

    def _add(self, x: Any, part: Any, name: str) -> tuple[Any, Any]:
        norm = f"{name}_norm"
        outputs, more = self._outputs(part, name, self._norm(x, norm) if self.norm_first else x)
        x = x + outputs
        return (x if self.norm_first else self._norm(x, norm)), more

    def _add_both(self, x: Any, attend: Any, feed: Any) -> tuple[Any, Any, Any]:
        normed = self._norm(x, "attention_norm")
        attended, cache = self._outputs(attend, "attention", normed)
        if self.feed_forward_norm is not None:
            normed = self._norm(x, "feed_forward_norm")
        fed, router_logits = self._outputs(feed, "feed_forward", normed)
        return x + attended + fed, cache, router_logits
