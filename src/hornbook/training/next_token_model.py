"""Models whose last step, the product with the vocabulary, is left to the loss in training."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import keras
from keras import ops
from keras.src.backend import get_keras_mask
from keras.src.models.functional import Functional, operation_fn

from hornbook.layers.embeddings import ReversibleEmbedding
from hornbook.layers.kv_cache import is_xla_on_the_cpu
from hornbook.layers.linear import Linear
from hornbook.layers.tied_projection import TiedProjection
from hornbook.losses import SparseTokenCrossentropy
from hornbook.losses.fused_crossentropy.in_place import probabilities_in_place
from hornbook.losses.projected_logits import ProjectedLogits
from hornbook.metrics import Perplexity

Factors = tuple[Any, Any]


@keras.saving.register_keras_serializable(package="hornbook")
class NextTokenModel(Functional):
    """A `keras.Model` that trains without the logits of the whole batch, where it can.

    Made like a functional `keras.Model`, it does everything that one does. When its output comes
    from a layer that projects to the vocabulary (`Linear`, `ReversibleEmbedding`,
    `TiedProjection`, or Keras's `Dense` without activation), its loss is
    `SparseTokenCrossentropy` and its metrics are `Perplexity`, then `fit` and `evaluate` give
    these the projection's factors: the loss computes itself and its gradient piece by piece, and
    perplexity costs nothing more. The numbers are the
    same.

    Example:
        >>> import numpy as np
        >>> from hornbook.layers import Linear, TokenAndPositionEmbedding, TransformerDecoder
        >>> inputs = keras.Input((None,), dtype="int32")
        >>> x = TokenAndPositionEmbedding(50, 8, 16, mask_zero=True)(inputs)
        >>> x = TransformerDecoder(intermediate_dim=32, num_heads=2)(x)
        >>> model = NextTokenModel(inputs, Linear(50)(x))
        >>> loss = SparseTokenCrossentropy(mask_token_id=0)
        >>> perplexity = Perplexity(from_logits=True, mask_token_id=0)
        >>> model.compile("adam", loss, metrics=[perplexity])
        >>> ids = np.arange(1, 9)[None]
        >>> sorted(model.fit(ids[:, :-1], ids[:, 1:], verbose=0).history)
        ['loss', 'perplexity']
    """

    _hands_on_factors = False

    def train_step(self, *arguments: Any) -> Any:
        with self._handing_on_factors():
            return super().train_step(*arguments)

    def test_step(self, *arguments: Any) -> Any:
        with self._handing_on_factors():
            return super().test_step(*arguments)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        factors = _factors(self._projection) if self._hands_on_factors else None
        if factors is None:
            return super().call(inputs, training=training, mask=mask)
        # A graph keeps `training` as its layers were called when it was made; this sets it anew.
        hidden = self._hidden_states._run_through_graph(
            self._standardize_inputs(inputs),
            operation_fn=lambda layer: operation_fn(layer, training=training),
        )
        kernel, bias = (None if x is None else ops.cast(x, hidden.dtype) for x in factors)
        return ProjectedLogits(hidden, kernel, bias, get_keras_mask(hidden))

    @contextmanager
    def _handing_on_factors(self) -> Iterator[None]:
        self._hands_on_factors = _reads_factors(self)
        try:
            with probabilities_in_place(is_xla_on_the_cpu() and not self.jit_compile):
                yield
        finally:
            self._hands_on_factors = False

    @cached_property
    def _projection(self) -> Any:
        """The layer that the output comes from."""
        return self._output_history.operation

    @cached_property
    def _hidden_states(self) -> keras.Function:
        """The graph up to that layer; a function, as a model would be one of the layers."""
        history = self._output_history
        node = history.operation._inbound_nodes[history.node_index]
        return keras.Function(self.inputs, node.input_tensors[0])

    @property
    def _output_history(self) -> Any:
        return self.outputs[0]._keras_history


def _reads_factors(model: Any) -> bool:
    """Whether the loss and all metrics that a model is compiled with read `ProjectedLogits`."""
    loss, compiled = model._compile_loss, model._compile_metrics
    given = (compiled._user_metrics, compiled._user_weighted_metrics) if compiled else ()
    return (
        loss is not None
        and type(loss._user_loss) is SparseTokenCrossentropy  # a subclass may compute otherwise
        and loss._user_loss.reduces_by_weight
        and loss._user_loss_weights is None
        and all(
            type(metric) is Perplexity and metric.from_logits
            for metrics in given
            for metric in ([] if metrics is None else keras.tree.flatten(metrics))
        )
    )


def _factors(layer: Any) -> Factors | None:
    """Kernel [vocabulary, features] and bias of a layer that projects; None of any other."""
    if isinstance(layer, Linear):
        adapted = layer.is_quantized or layer.lora_scale is not None
        return None if adapted else (layer.kernel, layer.bias if layer.use_bias else None)
    if isinstance(layer, ReversibleEmbedding):
        if layer.reverse_dtype is not None:
            return None
        return (layer.embeddings if layer.tie_weights else layer.reverse_embeddings), None
    if isinstance(layer, TiedProjection):
        matrix = _factors(layer.token_embedding)
        return None if matrix is None else (matrix[0], layer.bias)
    if type(layer) is keras.layers.Dense:
        plain = layer.activation is keras.activations.linear
        adapted = layer.lora_enabled or layer.quantization_mode is not None
        return (ops.transpose(layer.kernel), layer.bias) if plain and not adapted else None
    return None
