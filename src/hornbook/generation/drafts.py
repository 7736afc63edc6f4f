"""What guesses the next tokens: a smaller model, or the row's own text."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from keras import ops

from hornbook.errors import GenerationError
from hornbook.generation.language_model import (
    LanguageModel,
    LayerKernel,
    layers_of,
    logits_product,
    restart_lengths,
)
from hornbook.generation.state import Cache
from hornbook.samplers import Sampler
from hornbook.samplers.draw import draw
from hornbook.samplers.rows import Rows

Guesses = tuple[Any, Any, Cache]


@dataclass(frozen=True)
class Draft(abc.ABC):
    """Guesses tokens. Equal drafts run in the same programs."""

    draws: ClassVar[bool]
    """Whether guesses are drawn from probabilities, with random numbers."""

    @abc.abstractmethod
    def split(self, model: Any, cache: Cache) -> tuple[LanguageModel, Cache, Cache]:
        """The model whose tokens are wanted, its cache, and that of the draft."""

    @abc.abstractmethod
    def guess(
        self, model: Any, sampler: Sampler, rows: Rows, cache: Cache, positions: Any, uniforms: Any
    ) -> Guesses:
        """Guesses the tokens after each row's newest one.

        Args:
            model: what the engine runs.
            sampler: how tokens are picked.
            rows: the rows.
            cache: of the draft.
            positions: int32 [rows], those of the newest tokens, at least 1.
            uniforms: float32 [rows, guesses], random numbers for drawing them.

        Returns:
            The guesses int32 [rows, guesses]; the probabilities float32 [rows, guesses, vocabulary]
            that they were drawn with, None for those that nothing was drawn for; and the cache.
        """

    def foretell(self, tokens: np.ndarray, count: int) -> np.ndarray | None:
        """The guesses int [count] after tokens int [any], if they depend on these alone.

        Such a draft is asked only while its guesses save more than checking them costs.
        """
        return None


class DraftedModel:
    """A model and a smaller one beside it, as one model with a cache of both.

    Args:
        target: whose tokens are wanted.
        draft: with the same vocabulary.

    Raises:
        GenerationError: when the vocabularies differ.
    """

    def __init__(self, target: LanguageModel, draft: LanguageModel) -> None:
        sizes = [each.backbone.config.vocabulary_size for each in (target, draft)]
        if sizes[0] != sizes[1]:
            raise GenerationError(
                f"The draft has a vocabulary of {sizes[1]} tokens, the model one of {sizes[0]}; "
                "expected a smaller model with the same tokenizer"
            )
        self.target = target
        self.draft = draft
        limit = min(each.backbone.config.max_sequence_length for each in (target, draft))
        self.config = SimpleNamespace(max_sequence_length=limit)
        self.layers = len(target.backbone.cache_slots(1))

    @property
    def backbone(self) -> "DraftedModel":
        """What has a cache: the model itself."""
        return self

    @property
    def variables(self) -> list[Any]:
        """Those of both models, each once."""
        both = (*self.target.variables, *self.draft.variables)
        return list({id(variable): variable for variable in both}.values())

    def _flatten_layers(self) -> list[Any]:
        return [*layers_of(self.target), *layers_of(self.draft)]

    def cache_slots(self, max_length: int, ahead: int = 0) -> tuple[int, ...]:
        """The layers of the target, then those of the draft."""
        models = (self.target, self.draft)
        return tuple(n for each in models for n in each.backbone.cache_slots(max_length, ahead))

    def init_cache(self, batch_size: int, slots: Sequence[int]) -> Cache:
        """The layers of the target, then those of the draft."""
        own, other = slots[: self.layers], slots[self.layers :]
        cache: Cache = self.target.backbone.init_cache(batch_size, own)
        return (*cache, *self.draft.backbone.init_cache(batch_size, other))

    @property
    def restart_lengths(self) -> tuple[int, ...]:
        """Those of both models: what one computes anew, the other does."""
        return tuple({*restart_lengths(self.target), *restart_lengths(self.draft)})

    def call_with_cache(
        self, token_ids: Any, cache: Cache, positions: Any, lengths: Any = None
    ) -> tuple[Any, Cache]:
        """Runs both models; the hidden states are the target's."""
        own, other = cache[: self.layers], cache[self.layers :]
        hidden, own = self.target.backbone.call_with_cache(token_ids, own, positions, lengths)
        _, other = self.draft.backbone.call_with_cache(token_ids, other, positions, lengths)
        return hidden, (*own, *other)

    @property
    def logits_product(self) -> LayerKernel | None:
        """The target's."""
        return logits_product(self.target)

    def project(self, hidden: Any) -> Any:
        """The target's logits."""
        return self.target.project(hidden)


@dataclass(frozen=True)
class ModelDraft(Draft):
    """The smaller model of a `DraftedModel` guesses, with the sampler's own distribution."""

    draws = True

    def split(self, model: DraftedModel, cache: Cache) -> tuple[LanguageModel, Cache, Cache]:
        return model.target, cache[: model.layers], cache[model.layers :]

    def guess(
        self,
        model: DraftedModel,
        sampler: Sampler,
        rows: Rows,
        cache: Cache,
        positions: Any,
        uniforms: Any,
    ) -> Guesses:
        count = uniforms.shape[1]
        run = model.draft.backbone.call_with_cache
        # Of a step whose guesses all stayed, the last one hasn't been run by the draft. So the
        # newest two tokens are, which costs it no more than one.
        places = positions[:, None] + ops.arange(-1, 1, dtype="int32")
        tokens = ops.take_along_axis(rows.tokens, places, axis=1)
        hidden, cache = run(tokens, cache, positions - 1)
        guesses, chances = [], []
        for index in range(count):
            logits = model.draft.project(hidden[:, -1:])[:, 0]
            chances.append(sampler.probabilities(logits, rows))
            guesses.append(ops.cast(draw(chances[-1], uniforms[:, index]), "int32"))
            rows = rows.extended(guesses[-1])
            if index < count - 1:
                hidden, cache = run(guesses[-1][:, None], cache, positions + 1 + index)
        if not count:
            return ops.zeros((rows.tokens.shape[0], 0), "int32"), None, cache
        return ops.stack(guesses, axis=1), ops.stack(chances, axis=1), cache


@dataclass(frozen=True)
class PromptLookup(Draft):
    """Guesses that the text goes on as it did after the same tokens before.

    It looks for the longest of a row's endings, up to `ngram` tokens, that also stands earlier in
    the row, and takes what came after the last of its places; where that leads back to the end, it
    goes round. Good for texts that repeat what the prompt says. Follows Saxena, "Prompt Lookup
    Decoding" (2023).

    Attributes:
        ngram: the longest ending that is looked for.
        adaptive: whether guesses are made only while they save more than checking them costs.

    Example:
        >>> PromptLookup().foretell(np.array([1, 2, 3, 4, 5, 1, 2]), 3).tolist()
        [3, 4, 5]
    """

    draws = False
    ngram: int = 3
    adaptive: bool = True

    def split(self, model: Any, cache: Cache) -> tuple[LanguageModel, Cache, Cache]:
        return model, cache, ()

    def guess(
        self, model: Any, sampler: Sampler, rows: Rows, cache: Cache, positions: Any, uniforms: Any
    ) -> Guesses:
        places, newest = ops.arange(rows.places, dtype="int32")[None, :], rows.lengths[:, None] - 1
        same = places < newest
        longest = ops.zeros_like(rows.tokens)
        for back in range(self.ngram):
            here = ops.pad(rows.tokens, [[0, 0], [back, 0]], constant_values=-1)[:, : rows.places]
            there = ops.maximum(newest - back, 0)
            there = ops.where(newest < back, -2, ops.take_along_axis(rows.tokens, there, axis=1))
            same = ops.logical_and(same, here == there)
            longest = longest + ops.cast(same, "int32")
        best = ops.argmax(longest * rows.places + places, axis=1)[:, None]
        # Nothing found, all are 0 and the newest token is the last place: look one before it.
        best = ops.minimum(ops.cast(best, "int32"), newest - 1)
        steps = ops.arange(uniforms.shape[1], dtype="int32")[None, :]
        guesses = ops.take_along_axis(rows.tokens, best + 1 + ops.mod(steps, newest - best), axis=1)
        return guesses, None, cache

    def foretell(self, tokens: np.ndarray, count: int) -> np.ndarray | None:
        if not self.adaptive:
            return None
        newest = len(tokens) - 1
        if not newest:
            return np.repeat(tokens, count)
        same, longest = np.ones(newest, bool), np.zeros(newest, int)
        for back in range(min(self.ngram, newest)):
            same[:back] = False
            same[back:] &= tokens[: newest - back] == tokens[newest - back]
            longest += same
        best = newest - 1 - int(np.argmax(longest[::-1]))
        return tokens[best + 1 + np.arange(count) % (newest - best)]
