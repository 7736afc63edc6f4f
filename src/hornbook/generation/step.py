"""The steps of generation, written once in `keras.ops`; drivers compile and repeat them.

`prefill` runs the prompts and gives each row's first token, `append` writes tokens down, `decode`
runs the newest tokens and appends the next ones. So no token is run twice, and none in vain: the
last one, after which nothing follows, never is.
"""

from dataclasses import replace
from typing import Any, Protocol

from keras import ops

from hornbook.generation.state import Cache, GenerationState
from hornbook.samplers import Sampler


class CachedDecoder(Protocol):
    """The backbone that generation runs."""

    def init_cache(self, batch_size: int, max_length: int) -> Cache:
        """Empty keys and values."""

    def call_with_cache(self, token_ids: Any, cache: Cache, positions: Any) -> tuple[Any, Cache]:
        """Hidden states of the tokens at `positions` onwards, and the updated cache."""


class LanguageModel(Protocol):
    """What generation needs of a model."""

    backbone: Any  # a CachedDecoder, with `config.max_sequence_length`
    variables: list[Any]

    def project(self, hidden: Any) -> Any:
        """Hidden states [batch, length, hidden_dim] to logits [batch, length, vocabulary]."""


def prefill(
    model: LanguageModel, sampler: Sampler, prompts: Any, lengths: Any, uniforms: Any
) -> tuple[Any, Cache]:
    """Runs right-padded prompts and picks the token after each.

    Args:
        model: the model.
        sampler: picks the tokens.
        prompts: int32 [batch, length].
        lengths: int32 [batch], at least 1.
        uniforms: float32 [batch].

    Returns:
        Tokens int32 [batch], and the cache, with `length` slots. What padding leaves in it is
        overwritten before any token can see it.
    """
    batch, length = prompts.shape
    cache = model.backbone.init_cache(batch, length)
    positions = ops.zeros((batch,), dtype="int32")
    hidden, cache = model.backbone.call_with_cache(prompts, cache, positions)
    places = ops.broadcast_to((lengths - 1)[:, None, None], (batch, 1, hidden.shape[-1]))
    last = ops.take_along_axis(hidden, places, axis=1)
    return _pick(model, sampler, last, uniforms), cache


def append(state: GenerationState, tokens: Any) -> GenerationState:
    """Writes the next token [batch] of each row that isn't done."""
    places = ops.arange(state.capacity, dtype="int32")[None, :]
    writes = ops.logical_not(state.done)
    here = ops.logical_and(places == state.lengths[:, None], writes[:, None])
    lengths = state.lengths + ops.cast(writes, "int32")
    stopped = ops.any(tokens[:, None] == state.stop_token_ids[None, :], axis=-1)
    stopped = ops.logical_or(stopped, lengths >= state.limits)
    return replace(
        state,
        tokens=ops.where(here, tokens[:, None], state.tokens),
        lengths=lengths,
        done=ops.logical_or(state.done, stopped),
    )


def decode(model: LanguageModel, sampler: Sampler, state: GenerationState) -> GenerationState:
    """Runs each row's last token and appends the next one."""
    positions = state.lengths - 1
    last = ops.take_along_axis(state.tokens, positions[:, None], axis=1)
    hidden, cache = model.backbone.call_with_cache(last, state.cache, positions)
    # A row that fills its places is done, and its number isn't used.
    places = ops.minimum(state.lengths, state.capacity - 1)
    uniforms = ops.take_along_axis(state.uniforms, places[:, None], axis=1)[:, 0]
    tokens = _pick(model, sampler, hidden, uniforms)
    return append(replace(state, cache=cache), tokens)


def _pick(model: LanguageModel, sampler: Sampler, hidden: Any, uniforms: Any) -> Any:
    """Tokens [batch] after hidden states [batch, 1, hidden_dim]."""
    logits = ops.squeeze(model.project(hidden), axis=1)
    return ops.cast(sampler.next_tokens(logits, uniforms), "int32")
