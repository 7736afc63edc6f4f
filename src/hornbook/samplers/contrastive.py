"""Contrastive search: likely tokens that don't repeat what the text already says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import keras
from keras import ops

from hornbook.errors import GenerationError
from hornbook.samplers.rows import Results, Rows, fit
from hornbook.samplers.sampler import Sampler
from hornbook.samplers.transforms import LogitsTransform


class Lookahead(NamedTuple):
    """What contrastive search keeps.

    Attributes:
        probabilities: float32 [batch, k], of the candidates that the model runs next.
        directions: float32 [batch, places, hidden_dim], the hidden state of each token, of
            length 1.
    """

    probabilities: Any
    directions: Any


@keras.saving.register_keras_serializable("hornbook")
class ContrastiveSampler(Sampler):
    """Takes the one of the `k` likeliest tokens that is likely and unlike the text so far.

    The model runs all candidates at once, a row each. Each has the score (1 - alpha) * its
    probability - alpha * the greatest cosine between its hidden state and that of any token before
    it. Nothing is drawn. Follows Su et al., "A Contrastive Framework for Neural Text Generation"
    (2022).

    Args:
        k: how many candidates there are.
        alpha: how much repeating counts, from 0, where it is greedy search, to 1.
        seed: not used, for nothing is drawn.
        temperature: logits are divided by it.
        transforms: change the logits.

    Example:
        >>> ContrastiveSampler(k=4)
        ContrastiveSampler(k=4, alpha=0.6, temperature=1.0, seed=None)
    """

    traced = ("alpha", "temperature")
    looks_ahead = True
    never_called: ClassVar[Mapping[str, str]] = {
        **Sampler.never_called,
        "similarity": "hidden states are compared by their directions, which the search keeps; "
        "have advance() for another measure",
    }

    def __init__(
        self,
        k: int = 5,
        alpha: float = 0.6,
        seed: int | None = None,
        temperature: float = 1.0,
        transforms: Sequence[LogitsTransform] = (),
    ) -> None:
        super().__init__(temperature, seed, transforms)
        if k < 1:
            raise GenerationError(f"k is {k}; expected 1 or more")
        if not 0 <= alpha <= 1:
            raise GenerationError(f"alpha is {alpha}; expected a share from 0 to 1")
        self.k = k
        self.alpha = alpha

    @property
    def rows_per_prompt(self) -> int:
        return self.k

    def start(self, rows: Rows, hidden: Any) -> Rows:
        # The first candidate is the prompt's last token, which has no rivals.
        lengths = rows.lengths - ops.cast(ops.logical_not(rows.done), "int32")
        alone = ops.cast(ops.arange(self.k) == 0, "float32")
        probabilities = ops.broadcast_to(alone, (hidden.shape[0], self.k))
        return replace(rows, lengths=lengths, own=Lookahead(probabilities, _directions(hidden)))

    def advance(self, rows: Rows, logits: Any, hidden: Any) -> tuple[Rows, Any]:
        own: Lookahead = rows.own
        batch, places, width = own.directions.shape
        candidates = ops.reshape(_directions(hidden), (batch, self.k, width))
        cosines = ops.einsum("bkd,bpd->bkp", candidates, own.directions)
        lengths = ops.reshape(rows.lengths, (batch, self.k))[:, 0]
        columns = ops.arange(places, dtype="int32")[None, :]
        before = (columns < lengths[:, None])[:, None, :]
        likeness = ops.max(ops.where(before, cosines, -1.0), axis=-1)
        scores = (1 - self.alpha) * own.probabilities - self.alpha * likeness
        # A token that transforms forbid is no candidate, even if there are too few others.
        scores = ops.where(own.probabilities > 0, scores, -float("inf"))
        best = ops.cast(ops.argmax(scores, axis=-1), "int32")
        best = best + ops.arange(batch, dtype="int32") * self.k
        here = (columns == lengths[:, None])[:, :, None]
        chosen = ops.take(ops.reshape(candidates, (-1, width)), best, axis=0)[:, None, :]
        directions = ops.where(here, chosen, own.directions)
        parents = ops.repeat(best, self.k)
        rows = rows.append(ops.take(rows.newest, parents, axis=0))
        newest, probabilities = self._candidates(rows, ops.take(logits, parents, axis=0))
        own = Lookahead(probabilities, directions)
        return replace(rows, newest=newest, own=own), parents

    def resize(self, own: Any, places: int) -> Any:
        return own._replace(directions=fit(own.directions, places, 1))

    def results(self, rows: Rows) -> Results:
        return Results(rows.tokens[:: self.k], rows.lengths[:: self.k])

    def get_config(self) -> dict[str, Any]:
        return {"k": self.k, "alpha": self.alpha, **super().get_config()}

    def _candidates(self, rows: Rows, logits: Any) -> tuple[Any, Any]:
        """A token for each row [rows], and their probabilities [batch, k]."""
        logits = self.transformed(logits, rows)[:: self.k]  # rows of a prompt are the same
        probabilities = ops.softmax(self._scaled(logits), axis=-1)
        count = min(self.k, probabilities.shape[-1])
        probabilities, tokens = ops.top_k(probabilities, count)
        probabilities, tokens = fit(probabilities, self.k, 1), fit(tokens, self.k, 1)
        return ops.cast(ops.reshape(tokens, (-1,)), rows.tokens.dtype), probabilities


def _directions(hidden: Any) -> Any:
    """Hidden states [..., hidden_dim] with length 1."""
    hidden = ops.cast(hidden, "float32")
    squares = ops.sum(hidden * hidden, axis=-1, keepdims=True)
    return hidden / ops.sqrt(ops.maximum(squares, 1e-24))
