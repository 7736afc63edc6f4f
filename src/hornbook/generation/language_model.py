"""What generation needs of a model."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from hornbook.generation.state import Cache


class CachedDecoder(Protocol):
    """The backbone that generation runs."""

    def cache_slots(self, max_length: int, ahead: int = 0) -> tuple[int, ...]:
        """The slots of each layer's keys and values for rows of up to `max_length` tokens.

        `ahead` is how many tokens a step runs at most behind its first one, which may turn out
        wrong and be run again.
        """

    def init_cache(self, batch_size: int, slots: Sequence[int]) -> Cache:
        """Empty keys and values, with the slots of each layer."""

    def call_with_cache(
        self, token_ids: Any, cache: Cache, positions: Any, lengths: Any = None
    ) -> tuple[Any, Cache]:
        """Hidden states of the tokens at `positions` onwards, and the updated cache.

        `positions` int32 [batch] is None where all rows begin with these tokens. `lengths` int32
        [batch] are those of the whole rows, where the tokens are not their last ones, or where
        padding follows.
        """


class LanguageModel(Protocol):
    """What generation needs of a model."""

    @property
    def backbone(self) -> Any:
        """A `CachedDecoder`, with `config.max_sequence_length`."""

    @property
    def variables(self) -> list[Any]:
        """All that the computation depends on."""

    def project(self, hidden: Any) -> Any:
        """Hidden states [batch, length, hidden_dim] to logits [batch, length, vocabulary]."""


class LayerKernel(NamedTuple):
    """A layer, and the variable [units, width] that it multiplies by."""

    layer: Any
    kernel: Any


def logits_product(model: Any) -> LayerKernel | None:
    """The product that a model's logits are; None where they are more, or it doesn't say."""
    product: LayerKernel | None = getattr(model, "logits_product", None)
    return product


def restart_lengths(model: LanguageModel) -> tuple[int, ...]:
    """Lengths beyond which a row is computed anew; none where the backbone doesn't say any."""
    return tuple(getattr(model.backbone, "restart_lengths", ()))


def layers_of(model: Any) -> list[Any]:
    """The layers that a model is made of, itself included; none where it isn't made of Keras's."""
    return list(getattr(model, "_flatten_layers", list)())
