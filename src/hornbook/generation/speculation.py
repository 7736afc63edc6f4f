"""Speculative decoding: a draft runs ahead, and the model checks all of its tokens at once.

The distribution of the results is the model's own, whatever the draft says: a guess that the draft
makes with the probability q and the model would with p stays with the probability min(1, p / q),
and in place of the first that doesn't stay comes one drawn from what p has more than q. Follows
Leviathan et al., "Fast Inference from Transformers via Speculative Decoding" (2023). Under greedy
search p and q are 0 or 1, and the rule is to take what greedy search would.

Where nothing is drawn for guesses, it is simpler: the sampler picks its token with the row's random
number as ever, and a guess stays if it is that token. So the tokens are those without a draft.

A row whose draft goes wrong has run tokens that it doesn't keep. What they left in the cache stands
at places behind the row's end, which are written again before any token can see them. A layer that
keeps a window alone has slots for a step's guesses beside it, so that they overwrite nothing that
the next token sees.
"""

from typing import Any

from keras import ops

from hornbook.errors import GenerationError
from hornbook.generation.drafts import Draft
from hornbook.generation.state import GenerationState
from hornbook.samplers import Sampler
from hornbook.samplers.draw import draw
from hornbook.samplers.rows import Rows

DRAFT_TOKENS = 4
"""How many tokens are guessed for a step, unless someone says."""


def check_probabilities(sampler: Sampler) -> None:
    """Raises a `GenerationError` when a draft can't guess for the sampler."""
    if not sampler.has_probabilities:
        raise GenerationError(
            f"{sampler!r} can't be sped up by a draft: it takes several rows for a prompt, or "
            "has no weights() that say how likely each token is; use 'greedy', 'random', "
            "'top_k', 'top_p' or 'min_p', or leave the draft out"
        )


class SpeculativeSampler(Sampler):
    """Picks tokens as another sampler does, several in a step where a draft guessed them.

    Args:
        sampler: one whose tokens are drawn from probabilities that it can tell.
        draft: guesses tokens.
        draft_tokens: how many it guesses for each step.

    Raises:
        GenerationError: when the sampler can't tell the probabilities.
    """

    def __init__(self, sampler: Sampler, draft: Draft, draft_tokens: int) -> None:
        super().__init__(seed=sampler.seed, transforms=sampler.transforms)
        if draft_tokens < 0:
            raise GenerationError(f"draft_tokens is {draft_tokens}; expected 1 or more")
        check_probabilities(sampler)
        self.sampler = sampler
        self.draft = draft
        self.draft_tokens = draft_tokens
        # For the draft's token, for whether it stays, and for the one that comes in its place.
        self.uniforms_per_token = 3 if draft.draws else 1

    @property
    def tokens_asked(self) -> int | None:
        return self.sampler.tokens_asked

    def without_draft(self) -> Sampler:
        """The same, taking a single token in each step."""
        if not self.draft.draws:
            return self.sampler
        return SpeculativeSampler(self.sampler, self.draft, 0)

    def advance(self, rows: Rows, logits: Any, hidden: Any) -> tuple[Rows, Any]:
        if not self.draft.draws:
            return self.sampler.advance(rows, logits, hidden)
        probabilities = self.sampler.probabilities(logits, rows)
        return rows.append(draw(probabilities, uniforms_at(rows, 1)[:, 0, 2])), None

    @property
    def trace_key(self) -> tuple[Any, ...]:
        return type(self), self.draft, self.draft_tokens, self.sampler.trace_key

    def traced_values(self) -> tuple[Any, ...]:
        return self.sampler.traced_values()

    def with_traced_values(self, values: tuple[Any, ...]) -> "SpeculativeSampler":
        sampler = self.sampler.with_traced_values(values)
        return SpeculativeSampler(sampler, self.draft, self.draft_tokens)

    def __repr__(self) -> str:
        return f"SpeculativeSampler({self.sampler!r}, {self.draft!r}, {self.draft_tokens})"


def decode(model: Any, sampler: SpeculativeSampler, state: GenerationState) -> GenerationState:
    """Lets the draft guess, runs the newest token and the guesses, and takes what stays."""
    rows, count = state.rows, sampler.draft_tokens
    # A row that is done may fill its places. It runs in vain, but mustn't write behind them.
    positions = ops.minimum(rows.lengths - 1, state.capacity - 1 - count)
    numbers = uniforms_at(rows, count + 1)
    target, cache, draft_cache = sampler.draft.split(model, state.cache)
    guesses, chances, draft_cache = sampler.draft.guess(
        model, sampler.sampler, rows, draft_cache, positions, numbers[:, :count, 0]
    )
    tokens = ops.concatenate([rows.newest[:, None], guesses], axis=1)
    hidden, cache = target.backbone.call_with_cache(tokens, cache, positions)
    logits = target.project(hidden)
    if not count:
        rows, _ = sampler.advance(rows, logits[:, 0], None)
    elif chances is None:
        rows = _compared(sampler.sampler, rows, guesses, logits, numbers[:, :, 0])
    else:
        rows = _checked(sampler.sampler, rows, guesses, chances, logits, numbers[:, :, 1:])
    return GenerationState(rows, (*cache, *draft_cache))


def _compared(sampler: Sampler, rows: Rows, guesses: Any, logits: Any, uniforms: Any) -> Rows:
    """The rows with the sampler's own tokens, as long as the guesses before them are the same."""
    supposed, right = rows, ops.ones_like(rows.done)
    for index in range(uniforms.shape[1]):
        changed = sampler.transformed(logits[:, index], supposed)
        tokens = sampler.next_tokens(changed, uniforms[:, index])
        rows = rows.append(tokens, where=right)
        if index < guesses.shape[1]:
            guess = guesses[:, index]
            supposed = supposed.extended(guess)
            right = ops.logical_and(right, ops.cast(tokens, guess.dtype) == guess)
    return rows


def _checked(
    sampler: Sampler, rows: Rows, guesses: Any, chances: Any, logits: Any, uniforms: Any
) -> Rows:
    """The rows with the guesses that stay, and a token after them."""
    count = guesses.shape[1]
    supposed, tables = rows, []
    for index in range(count + 1):
        tables.append(sampler.probabilities(logits[:, index], supposed))
        if index < count:
            supposed = supposed.extended(guesses[:, index])
    staying, last = settle(ops.stack(tables, axis=1), chances, guesses, uniforms)
    for index in range(count + 1):
        token = last if index == count else ops.where(index < staying, guesses[:, index], last)
        rows = rows.append(token, where=index <= staying)
    return rows


def settle(probabilities: Any, chances: Any, guesses: Any, uniforms: Any) -> tuple[Any, Any]:
    """Says how many guesses stay, and what comes after them.

    Args:
        probabilities: float32 [rows, guesses + 1, vocabulary], the model's for each place.
        chances: float32 [rows, guesses, vocabulary], those that the guesses were drawn with.
        guesses: int32 [rows, guesses].
        uniforms: float32 [rows, guesses + 1, 2], two random numbers for each place.

    Returns:
        How many stay, int32 [rows], and the token after them, int32 [rows].

    Example:
        >>> probabilities = ops.array([[[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]])
        >>> chances = ops.array([[[0.5, 0.5], [1.0, 0.0]]])
        >>> staying, last = settle(
        ...     probabilities, chances, ops.array([[1, 0]]), ops.zeros((1, 3, 2))
        ... )
        >>> staying.tolist(), last.tolist()
        ([1], [1])
    """
    count = guesses.shape[1]
    wanted, had = _of(probabilities[:, :count], guesses), _of(chances, guesses)
    stays = ops.cast(uniforms[:, :count, 0] * had < wanted, "int32")
    staying = ops.cast(ops.sum(ops.cumprod(stays, axis=1), axis=1), "int32")
    # Nothing was guessed for the place after the last guess.
    chances = ops.pad(chances, [[0, 0], [0, 1], [0, 0]])
    wanted, had = _at(probabilities, staying), _at(chances, staying)
    rest = ops.maximum(wanted - had, 0.0)
    # Where rounding leaves nothing, the two were the same.
    rest = ops.where(ops.sum(rest, axis=-1, keepdims=True) > 0, rest, wanted)
    return staying, draw(rest, _at(uniforms, staying)[:, 1])


def _of(table: Any, tokens: Any) -> Any:
    """The entries [rows, any] for tokens [rows, any] in a table [rows, any, vocabulary]."""
    return ops.take_along_axis(table, tokens[:, :, None], axis=2)[:, :, 0]


def _at(table: Any, places: Any) -> Any:
    """The entries [rows, width] at one place [rows] each in a table [rows, any, width]."""
    index = ops.broadcast_to(places[:, None, None], (table.shape[0], 1, table.shape[2]))
    return ops.take_along_axis(table, index, axis=1)[:, 0]


def uniforms_at(rows: Rows, count: int) -> Any:
    """The random numbers [rows, count, each] for each row's next `count` tokens."""
    places = rows.lengths[:, None] + ops.arange(count, dtype="int32")
    # Places behind a row's end are never written, and their numbers aren't used.
    places = ops.minimum(places, rows.places - 1)[:, :, None]
    if len(rows.uniforms.shape) == 2:
        return ops.take_along_axis(rows.uniforms[:, :, None], places, axis=1)
    shape = (*places.shape[:2], rows.uniforms.shape[-1])
    return ops.take_along_axis(rows.uniforms, ops.broadcast_to(places, shape), axis=1)
