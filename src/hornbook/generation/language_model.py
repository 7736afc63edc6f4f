"""What generation needs of a model."""

from typing import Any, Protocol

from hornbook.generation.state import Cache


class CachedDecoder(Protocol):
    """The backbone that generation runs."""

    def init_cache(self, batch_size: int, max_length: int) -> Cache:
        """Empty keys and values."""

    def call_with_cache(self, token_ids: Any, cache: Cache, positions: Any) -> tuple[Any, Cache]:
        """Hidden states of the tokens at `positions` onwards, and the updated cache."""


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


def layers_of(model: Any) -> list[Any]:
    """The layers that a model is made of, itself included; none where it isn't made of Keras's."""
    return list(getattr(model, "_flatten_layers", list)())
