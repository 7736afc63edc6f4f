"""The base of all samplers."""

import copy
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import keras
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers import loop


class Sampler:
    """Chooses the next token from the logits.

    A sampler holds numbers and no state: chance comes in from outside, as one uniform number a
    row, so that the same numbers give the same tokens and a row never depends on its neighbours.
    A new sampler is a subclass with either method:

    - `choose(logits, uniforms)`, as hornbook's own have it;
    - `get_next_token(probabilities)`, as in KerasNLP. Such a sampler draws its own random numbers,
      for example with `seed=self.seed_generator`.

    Args:
        temperature: logits are divided by it; below 1 the likely tokens become likelier.
        seed: of the random numbers; None takes new ones every time.

    Example:
        >>> class SecondBest(Sampler):
        ...     def get_next_token(self, probabilities):
        ...         return ops.top_k(probabilities, 2)[1][:, 1]
        >>> SecondBest().next_tokens(ops.array([[0.1, 0.9, 0.5]]), ops.array([0.0])).tolist()
        [2]
    """

    traced: ClassVar[tuple[str, ...]] = ()
    """Attributes that are tensors while a program is traced: changing them compiles nothing."""

    def __init__(self, temperature: float = 1.0, seed: int | None = None) -> None:
        if not temperature > 0:
            raise GenerationError(
                f"temperature is {temperature}; expected a number above 0 (always taking the most "
                "likely token is GreedySampler)"
            )
        self.temperature = temperature
        self.seed = seed

    def choose(self, logits: Any, uniforms: Any) -> Any:
        """Picks a token a row.

        Args:
            logits: float32 [batch, vocabulary], already divided by the temperature.
            uniforms: float32 [batch], each in [0, 1).

        Returns:
            Token ids [batch].
        """
        raise NotImplementedError(f"{type(self).__name__} needs choose() or get_next_token().")

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

    def __call__(
        self,
        next: Callable[..., tuple[Any, Any, Any]],
        prompt: Any,
        cache: Any = (),
        index: int | Any = 0,
        mask: Any = None,
        stop_token_ids: Sequence[int] | None = None,
        hidden_states: Any = None,
        model: keras.Model | None = None,
    ) -> Any:
        """Fills up `prompt` from `index` on, with KerasNLP's calling form.

        Args:
            next: `next(prompt, cache, index) -> (logits, hidden_states, cache)`, where logits
                [batch, vocabulary] are those of the token at `index`.
            prompt: int [batch, length], padded to the length to be generated.
            cache: whatever `next` keeps between calls.
            index: the first position to be written.
            mask: bool [batch, length], true where the prompt's token is kept.
            stop_token_ids: generation ends when each row has made one of them.
            hidden_states: not used by the samplers that look at logits alone.
            model: the model that `next` calls, if its variables change.

        Returns:
            The filled prompt, int [batch, length].
        """
        del hidden_states
        return loop.fill(self, next, prompt, cache, index, mask, stop_token_ids, model)

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
    def trace_key(self) -> Hashable:
        """Equal for two samplers whose computations differ only in the `traced` numbers."""
        plain = (int, float, str, bool, tuple, type(None))
        fixed = sorted(
            (name, value)
            for name, value in vars(self).items()
            if isinstance(value, plain) and name not in (*self.traced, "seed")
        )
        return (self if self._has_own_hook else type(self), tuple(fixed))

    def traced_values(self) -> tuple[float, ...]:
        """The numbers of `traced`, in its order."""
        return tuple(float(getattr(self, name)) for name in self.traced)

    def with_traced_values(self, values: Sequence[Any]) -> Self:
        """A copy with tensors for the numbers of `traced`."""
        bound = copy.copy(self)
        vars(bound).update(zip(self.traced, values, strict=True))
        return bound

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"temperature": self.temperature, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The sampler that a `get_config` came from."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"

    @property
    def _has_own_hook(self) -> bool:
        return type(self).get_next_token is not Sampler.get_next_token

    def _scaled(self, logits: Any) -> Any:
        return ops.cast(logits, "float32") / self.temperature
