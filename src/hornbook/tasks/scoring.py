"""How likely a language model finds each token of given texts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from hornbook.errors import DataError, GenerationError
from hornbook.generation.prompts import Prompts, read_prompts
from hornbook.losses import token_crossentropy
from hornbook.preprocessing.packing import bucket_length
from hornbook.preprocessing.text_columns import column_strings

PIECE_TOKENS = 512
"""So many tokens are projected to the vocabulary at a time, whatever the batch's size."""


@dataclass(frozen=True)
class ScoredTokens:
    """The scored tokens of a text.

    Attributes:
        token_ids: int32 [tokens].
        log_probabilities: float32 [tokens], each token's, given all before it, in nats.

    Example:
        >>> scores = ScoredTokens(np.array([4, 2]), np.log([0.5, 0.125]))
        >>> round(scores.total, 4), round(scores.perplexity, 4)
        (-2.7726, 4.0)
    """

    token_ids: np.ndarray
    log_probabilities: np.ndarray

    @property
    def total(self) -> float:
        """The log-probability of all tokens together."""
        return float(self.log_probabilities.sum(dtype="float64"))

    @property
    def perplexity(self) -> float:
        """Of the tokens; that of no token is 1."""
        return float(np.exp(-self.total / max(len(self.log_probabilities), 1)))


class Scorer:
    """Scores token ids with a language model, a batch at a time.

    The logits of a batch never exist together: the states that predict the scored tokens are
    gathered, and projected piece by piece. Programs are compiled for a batch size and a bucket of
    lengths, and for a piece.

    Args:
        task: a language model, with `backbone` and `project`.
    """

    def __init__(self, task: Any) -> None:
        self.variables = list(task.variables)
        self._states = _Program(task, task.backbone)
        self._losses = _Program(
            task, lambda x: token_crossentropy(x["labels"], task.project(x["hidden"]))
        )

    def score(
        self, token_ids: np.ndarray, lengths: np.ndarray, starts: np.ndarray, batch_size: int
    ) -> np.ndarray:
        """Scores the tokens of each row from its start to its length.

        Args:
            token_ids: int32 [rows, length], right-padded.
            lengths: int [rows].
            starts: int [rows], where the scored tokens begin, at least 1.
            batch_size: how many rows run at a time, those of like lengths together.

        Returns:
            float32 [rows, length], 0 where no token was scored.
        """
        at = np.arange(token_ids.shape[1])
        scored = (at >= starts[:, None]) & (at < lengths[:, None])
        scores = np.zeros(token_ids.shape, "float32")
        order = np.argsort(lengths, kind="stable")
        order = order[scored[order].any(axis=1)]
        for rows in np.split(order, range(batch_size, len(order), batch_size)):
            if len(rows):
                # The state at each token predicts the next one.
                hidden = self._hidden(token_ids[rows], lengths[rows], batch_size)
                row, position = np.nonzero(scored[rows])
                labels = token_ids[rows][row, position]
                scores[rows[row], position] = self._project(hidden[row, position - 1], labels)
        return scores

    def _hidden(self, token_ids: np.ndarray, lengths: np.ndarray, batch_size: int) -> np.ndarray:
        """States float32 [rows, length, features] of rows, filled up to few different shapes."""
        width = bucket_length(int(lengths.max()), token_ids.shape[1])
        rows = bucket_length(len(lengths), batch_size)
        mask = np.arange(width) < np.resize(lengths, rows)[:, None]
        filled = np.resize(token_ids[:, :width], mask.shape)
        inputs = {"token_ids": filled, "padding_mask": mask.astype("int32")}
        return np.asarray(self._states.predict_on_batch(inputs), "float32")[: len(lengths)]

    def _project(self, hidden: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Log-probabilities [tokens] of labels, from hidden states [tokens, features]."""
        parts = []
        for start in range(0, len(labels), PIECE_TOKENS):
            part = slice(start, start + PIECE_TOKENS)
            count = len(labels[part])
            size = bucket_length(count, PIECE_TOKENS)
            inputs = {
                "hidden": np.resize(hidden[part], (1, size, hidden.shape[-1])),
                "labels": np.resize(labels[part], (1, size)),
            }
            parts.append(-np.asarray(self._losses.predict_on_batch(inputs))[0, :count])
        return np.concatenate(parts)


class _Program(keras.Model):
    """A function of a task's layers, run as Keras runs `predict` on its backend."""

    def __init__(self, task: Any, function: Callable[[Any], Any]) -> None:
        super().__init__(name="scoring")
        self.task = task
        self.function = function

    def call(self, inputs: Any) -> Any:
        return self.function(inputs)


def score_inputs(task: Any, inputs: Any, continuations: Any, batch_size: int) -> Any:
    """Does what `CausalLM.score` says."""
    if batch_size < 1:
        raise DataError(f"batch_size is {batch_size}; expected 1 or more")
    limit = int(task.backbone.config.max_sequence_length)
    if continuations is None:
        read = read_prompts(task.preprocessor, inputs, limit)
        starts = np.ones_like(read.lengths)
    else:
        read, starts = _read_pairs(task.preprocessor, inputs, continuations, limit)
    if read.token_ids.shape[1] > limit and read.lengths.max() > limit:
        raise GenerationError(
            f"A text has {read.lengths.max()} tokens, but the model has {limit} positions; score "
            "it in parts"
        )
    scores = _scorer_of(task).score(read.token_ids, read.lengths, starts, batch_size)
    if read.kind == "ids":
        return scores if read.batched else scores[0]
    texts = [
        ScoredTokens(ids[start:length], row[start:length])
        for ids, row, start, length in zip(
            read.token_ids, scores, starts, read.lengths, strict=True
        )
    ]
    return texts if read.batched else texts[0]


def _scorer_of(task: Any) -> Scorer:
    """The task's scorer, which is made anew when the task's variables are others."""
    # Not through Keras, for which it would be a part of the task.
    known: Scorer | None = vars(task).get("_scorer")
    if known is None or list(map(id, known.variables)) != list(map(id, task.variables)):
        known = vars(task)["_scorer"] = Scorer(task)
    return known


def _read_pairs(
    preprocessor: Any, prompts: Any, continuations: Any, limit: int
) -> tuple[Prompts, np.ndarray]:
    """Texts made of pairs, and the position of each one's first token that is scored."""
    if isinstance(prompts, Mapping) or preprocessor is None:
        raise DataError(
            "Continuations are scored of texts, by a model with a tokenizer; of token ids, score "
            "the whole rows, and take the part that counts"
        )
    first, second = column_strings(prompts), column_strings(continuations)
    if len(first) != len(second):
        raise DataError(f"Got {len(first)} prompts, but {len(second)} continuations")
    texts = [prompt + rest for prompt, rest in zip(first, second, strict=True)]
    read = read_prompts(preprocessor, texts, limit)
    counts = list(_tokens_behind(preprocessor.tokenizer, texts, list(map(len, first))))
    starts = np.maximum(read.lengths - counts, 1)
    batched = not isinstance(prompts, str | bytes)
    return Prompts(read.token_ids, read.lengths, "text", batched), starts


def _tokens_behind(tokenizer: Any, texts: Sequence[str], borders: Sequence[int]) -> Iterator[int]:
    """How many tokens of each text reach beyond a character; one across it counts."""
    _, offsets = tokenizer.encode_with_offsets(texts)
    for places, border in zip(offsets, borders, strict=True):
        yield int((places[:, 1] > border).sum())
