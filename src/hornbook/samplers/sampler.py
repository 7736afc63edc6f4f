"""The base of all samplers."""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import keras
import numpy as np
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers import loop
from hornbook.samplers.draw import draw
from hornbook.samplers.rows import Results, Rows
from hornbook.samplers.traced import Traced
from hornbook.samplers.transforms import LogitsTransform


class Sampler(Traced):
    """Chooses the next token from the logits.

    A sampler holds numbers and no state: chance comes in from outside, as one uniform number a
    row, so that the same numbers give the same tokens and a row never depends on its neighbours.
    A new sampler is a subclass with one of these methods:

    - `weights(logits)`, how likely each token is, as hornbook's own have it;
    - `choose(logits, uniforms)`, where there is a quicker way than drawing from weights;
    - `get_next_token(probabilities)`, as in KerasNLP. Such a sampler draws its own random numbers,
      for example with `seed=self.seed_generator`.

    One that needs more than the logits, several rows for a prompt or something to remember, has
    `start` and `advance` instead.

    A subclass with KerasNLP's `run_loop`, which nothing would call, is a `GenerationError`.

    Args:
        temperature: logits are divided by it; below 1 the likely tokens become likelier.
        seed: of the random numbers; None takes new ones every time.
        transforms: of `hornbook.samplers.transforms`; they change the logits, in their order,
            before the temperature.

    Example:
        >>> class SecondBest(Sampler):
        ...     def get_next_token(self, probabilities):
        ...         return ops.top_k(probabilities, 2)[1][:, 1]
        >>> SecondBest().next_tokens(ops.array([[0.1, 0.9, 0.5]]), ops.array([0.0])).tolist()
        [2]
    """

    looks_ahead: ClassVar[bool] = False
    """Whether the newest token of a row is a candidate that `advance` may still drop."""
    never_called: ClassVar[Mapping[str, str]] = {
        "run_loop": "loops are the engine's; have choose(), get_next_token() or advance()"
    }
    """Methods of KerasNLP's that would change nothing here, and what to have instead."""
    draft_tokens: int = 0
    """How many tokens a step may give beyond one."""
    uniforms_per_token: int = 1
    """How many random numbers a token takes."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, instead in cls.never_called.items():
            if name in vars(cls):
                raise GenerationError(
                    f"{cls.__name__} has {name}(), which nothing calls: {instead}"
                )

    def __init__(
        self,
        temperature: float = 1.0,
        seed: int | None = None,
        transforms: Sequence[LogitsTransform] = (),
    ) -> None:
        if not temperature > 0:
            raise GenerationError(
                f"temperature is {temperature}; expected a number above 0 (always taking the most "
                "likely token is GreedySampler)"
            )
        if not isinstance(transforms, Sequence):
            raise GenerationError(f"transforms is {transforms!r}; expected a list of them")
        for transform in transforms:
            if not isinstance(transform, LogitsTransform):
                raise GenerationError(
                    f"transforms has {transform!r}; expected instances of LogitsTransform, such as "
                    "RepetitionPenalty(1.2)"
                )
        self.temperature = temperature
        self.seed = seed
        self.transforms = tuple(transforms)

    @property
    def rows_per_prompt(self) -> int:
        """How many rows the model runs for each prompt."""
        return 1

    @property
    def sequences_per_prompt(self) -> int | None:
        """How many sequences each prompt gives; None for one, without an axis for them."""
        return None

    @property
    def tokens_asked(self) -> int | None:
        """How many of the likeliest tokens it asks for, so that no others have to be known.

        None asks for all. Who gives a number takes minus infinity for the logits of others.
        """
        return None

    def choose(self, logits: Any, uniforms: Any) -> Any:
        """Picks a token a row.

        Args:
            logits: float32 [batch, vocabulary], already divided by the temperature.
            uniforms: float32 [batch], each in [0, 1).

        Returns:
            Token ids [batch].
        """
        return draw(self.weights(logits), uniforms)

    def weights(self, logits: Any) -> Any:
        """What `choose` draws from: float32 [batch, vocabulary], not negative, of any sum.

        Args:
            logits: float32 [batch, vocabulary], already divided by the temperature.
        """
        raise NotImplementedError(
            f"{type(self).__name__} needs weights(), choose() or get_next_token()."
        )

    def probabilities(self, logits: Any, rows: Rows) -> Any:
        """The chance of each token to come next, after transforms: float32 [rows, vocabulary]."""
        weights = self.weights(self._scaled(self.transformed(logits, rows)))
        return weights / ops.sum(weights, axis=-1, keepdims=True)

    @property
    def has_probabilities(self) -> bool:
        """Whether `probabilities` are those that tokens are drawn with."""
        for kind in type(self).__mro__[:-1]:
            if "weights" in vars(kind):
                return kind is not Sampler
            if not vars(kind).keys().isdisjoint(("choose", "get_next_token", "advance")):
                return False
        return False

    def get_next_token(self, probabilities: Any) -> Any:
        """Picks a token a row from probabilities [batch, vocabulary]; KerasNLP's hook.

        Random numbers come from `seed_generator`, which moves on with every call.
        """
        batch = ops.shape(probabilities)[0]
        uniforms = keras.random.uniform((batch,), dtype="float32", seed=self.seed_generator)
        return self.choose(ops.log(probabilities), uniforms)

    def compute_probabilities(self, logits: Any) -> Any:
        """The probabilities [batch, vocabulary] that `get_next_token` is given."""
        return ops.softmax(self._scaled(logits), axis=-1)

    def next_tokens(self, logits: Any, uniforms: Any) -> Any:
        """What a generation loop calls: logits [batch, vocabulary] to token ids [batch]."""
        if self._has_own_hook:
            return self.get_next_token(self.compute_probabilities(logits))
        return self.choose(self._scaled(logits), uniforms)

    def start(self, rows: Rows, hidden: Any) -> Rows:
        """Sets up what the sampler keeps, `Rows.own`, before the first step.

        Args:
            rows: the prompts, `rows_per_prompt` times each.
            hidden: for samplers that look ahead, the hidden states [batch, places, hidden_dim] of
                the prompts, with anything after their ends; None for others.
        """
        return rows

    def advance(self, rows: Rows, logits: Any, hidden: Any) -> tuple[Rows, Any]:
        """Takes a step, after the model has run the newest token of each row.

        Args:
            rows: the rows.
            logits: [rows, vocabulary], those after the newest tokens.
            hidden: [rows, hidden_dim], the newest tokens' hidden states; None if there are none.

        Returns:
            The rows, each with one token more unless it is done; and, where rows go on from
            others, the row [rows] that each goes on from, else None.
        """
        tokens = self.next_tokens(self.transformed(logits, rows), rows.next_uniforms())
        return rows.append(tokens), None

    def resize(self, own: Any, places: int) -> Any:
        """What the sampler keeps in `Rows.own`, with room for `places` tokens a row."""
        return own

    def results(self, rows: Rows) -> Results:
        """What is final so far."""
        return Results(rows.tokens, rows.lengths)

    def transformed(self, logits: Any, rows: Rows) -> Any:
        """The logits [rows, vocabulary] after all transforms."""
        if not self.transforms:
            return logits
        logits = ops.cast(logits, "float32")
        for transform in self.transforms:
            logits = transform(logits, rows)
        return logits

    def __call__(
        self,
        next: Callable[..., tuple[Any, Any, Any]],
        prompt: Any,
        cache: Any = (),
        index: int | Any = 0,
        mask: Any = None,
        stop_token_ids: Sequence[int] | int | None = None,
        hidden_states: Any = None,
        model: keras.Model | None = None,
        *,
        end_token_id: int | None = None,
    ) -> Any:
        """Fills up `prompt` from `index` on, with KerasNLP's calling form.

        Args:
            next: `next(prompt, cache, index) -> (logits, hidden_states, cache)`, where logits
                [rows, vocabulary] are those of the token at `index`. A sampler may have several
                rows for each of the batch.
            prompt: int [batch, length], padded to the length to be generated.
            cache: whatever `next` keeps between calls; for a sampler with several rows nested
                tensors [batch, ...], whose rows are repeated and follow those of the prompt.
            index: the first position to be written.
            mask: bool [batch, length], true where the prompt's token is kept.
            stop_token_ids: a row ends when it has made one of them, and keeps what `prompt` has
                after it.
            hidden_states: [batch, length, hidden_dim], those of the prompt; for contrastive search,
                which also needs from `next` those [rows, hidden_dim] of the token before `index`.
            model: the model that `next` calls, if its variables change.
            end_token_id: the older name of a single stop token.

        Returns:
            The filled prompt, int [batch, length]; from beam search that gives all beams, they
            [batch, beams, length] and their log probabilities [batch, beams].

        Raises:
            GenerationError: when the prompt is no batch, or hidden states are needed but missing.
        """
        if end_token_id is not None and stop_token_ids is not None:
            raise GenerationError(
                "stop_token_ids and end_token_id are the same argument; give the first alone"
            )
        stops = end_token_id if stop_token_ids is None else stop_token_ids
        stops = () if stops is None else np.atleast_1d(stops).tolist()
        return loop.fill(self, next, prompt, cache, index, mask, stops, hidden_states, model)

    @cached_property
    def seed_generator(self) -> keras.random.SeedGenerator:
        """The generator of samplers that draw their own random numbers."""
        return keras.random.SeedGenerator(self.seed)

    @property
    def variables(self) -> list[keras.Variable]:
        """The state of a sampler that draws its own random numbers; empty for hornbook's own."""
        if not self._has_own_hook:
            return []
        generators = {id(g): g for g in (self.seed_generator, *vars(self).values())}
        return [
            generator.state
            for generator in generators.values()
            if isinstance(generator, keras.random.SeedGenerator)
        ]

    @property
    def trace_key(self) -> tuple[Any, ...]:
        kind, fixed = super().trace_key
        others = ("seed", "seed_generator", "transforms")
        fixed = tuple(pair for pair in fixed if pair[0] not in others)
        transforms = tuple(transform.trace_key for transform in self.transforms)
        return (self if self._has_own_hook else kind, fixed, transforms)

    def traced_values(self) -> tuple[Any, ...]:
        nested = tuple(transform.traced_values() for transform in self.transforms)
        return (*super().traced_values(), nested)

    def with_traced_values(self, values: tuple[Any, ...]) -> Self:
        _ = self.variables  # made here, so that copies have the same
        pairs = zip(self.transforms, values[-1], strict=True)
        transforms = [transform.with_traced_values(own) for transform, own in pairs]
        return super().with_traced_values(values[:-1]).with_transforms(transforms)

    def with_transforms(self, transforms: Sequence[LogitsTransform]) -> Self:
        """A copy with these transforms instead of its own."""
        other = copy.copy(self)
        other.transforms = tuple(transforms)
        return other

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"temperature": self.temperature, "seed": self.seed, **self._transforms_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The sampler that a `get_config` came from."""
        if "transforms" not in config:
            return cls(**config)
        transforms = [
            keras.saving.deserialize_keras_object(entry) if isinstance(entry, dict) else entry
            for entry in config["transforms"]
        ]
        return cls(**{**config, "transforms": transforms})

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"

    @property
    def _has_own_hook(self) -> bool:
        return type(self).get_next_token is not Sampler.get_next_token

    def _transforms_config(self) -> dict[str, Any]:
        return {"transforms": list(self.transforms)} if self.transforms else {}

    def _scaled(self, logits: Any) -> Any:
        return ops.cast(logits, "float32") / self.temperature
