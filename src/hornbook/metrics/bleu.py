"""BLEU: how many n-grams of a text are in its references."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from hornbook.errors import DataError
from hornbook.metrics.text_values import (
    evaluation_package,
    rank,
    refuse_weights,
    to_lists,
    to_texts,
)
from hornbook.tokenizers.tokenizer import Tokenizer


@keras.saving.register_keras_serializable(package="hornbook")
class Bleu(keras.metrics.Metric):
    """Computes the corpus BLEU of all texts seen, between 0 and 1, as sacrebleu does.

    Follows `keras_nlp.metrics.Bleu` and Papineni et al., "BLEU: a Method for Automatic Evaluation
    of Machine Translation" (2002). Needs the package sacrebleu, whose default tokenizer (13a) and
    statistics it uses. It works on strings, so it runs outside of compiled steps only.

    Args:
        tokenizer: takes a text and gives its tokens, strings or ids, such as a tokenizer of
            `hornbook.tokenizers`; None means sacrebleu's.
        max_order: the longest n-grams that count.
        smooth: whether to add one to the counts of n-grams longer than one token (Lin and Och
            2004), so that a short text without a match isn't 0. KerasNLP adds one to those of
            single tokens as well.
        dtype: the dtype of the result.
        name: the metric's name in logs.

    `update_state` takes `y_true`, the references, and `y_pred`, the texts: for a batch `y_pred`
    [batch] or [batch, 1] and `y_true` [batch, references], or [batch] where each has one; for one
    text a string and a list of references.

    Raises:
        BackendError: when sacrebleu is not installed.

    Example:
        >>> bleu = Bleu()
        >>> bleu.update_state([["The quick brown fox jumps."]], ["The quick brown dog jumps."])
        >>> round(float(bleu.result()), 3)
        0.0
        >>> bleu = Bleu(max_order=2)
        >>> bleu.update_state([["The quick brown fox jumps."]], ["The quick brown dog jumps."])
        >>> round(float(bleu.result()), 3)
        0.707
    """

    def __init__(
        self,
        tokenizer: Callable[[str], Any] | None = None,
        max_order: int = 4,
        smooth: bool = False,
        dtype: Any = "float32",
        name: str = "bleu",
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if max_order < 1:
            raise DataError(f"max_order is {max_order}; expected 1 or more")
        self.tokenizer = tokenizer
        self.max_order = max_order
        self.smooth = smooth
        # Counts are summed up as they are, and smoothed at the end only.
        self._scorer = evaluation_package("sacrebleu.metrics").BLEU(
            tokenize="13a" if tokenizer is None else "none",
            smooth_method="none",
            max_ngram_order=max_order,
            force=True,
        )
        self.matches = self._count("matches", max_order)
        self.possible_matches = self._count("possible_matches", max_order)
        self.lengths = self._count("lengths", 2)

    def _count(self, name: str, size: int) -> Any:
        return self.add_variable(shape=(size,), initializer="zeros", dtype="int32", name=name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds texts, each with its references."""
        refuse_weights(sample_weight)
        texts = to_texts(y_pred)
        references = _references(y_true, len(texts))
        if self.tokenizer is not None:
            texts, references = self._tokenized(texts, references)
        most = max(map(len, references), default=0)
        # One list a reference; a text that has fewer of them has None there.
        streams = [[row[i] if i < len(row) else None for row in references] for i in range(most)]
        if not streams:
            return
        score = self._scorer.corpus_score(texts, streams)
        for variable, counts in (
            (self.matches, score.counts),
            (self.possible_matches, score.totals),
            (self.lengths, [score.sys_len, score.ref_len]),
        ):
            variable.assign_add(np.array(counts, "int32"))

    def _tokenized(
        self, texts: Sequence[str], references: Sequence[Sequence[str]]
    ) -> tuple[list[str], list[list[str]]]:
        """The texts with tokens numbered, as sacrebleu splits at spaces."""
        numbers: dict[Any, int] = {}

        def numbered(text: str) -> str:
            assert self.tokenizer is not None
            tokens = to_lists(self.tokenizer(text))
            return " ".join(str(numbers.setdefault(token, len(numbers))) for token in tokens)

        return [*map(numbered, texts)], [[*map(numbered, row)] for row in references]

    def result(self) -> Any:
        """Returns the BLEU of what was seen since the last reset; 0 if nothing was."""
        matches, possible, lengths = (
            ops.convert_to_numpy(variable).tolist()
            for variable in (self.matches, self.possible_matches, self.lengths)
        )
        score = self._scorer.compute_bleu(
            correct=matches,
            total=possible,
            sys_len=lengths[0],
            ref_len=lengths[1],
            smooth_method="add-k" if self.smooth else "none",
            smooth_value=1 if self.smooth else None,
            max_ngram_order=self.max_order,
        ).score
        return ops.convert_to_tensor(score / 100, dtype=self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        tokenizer = self.tokenizer
        return {
            **super().get_config(),
            "tokenizer": tokenizer.get_config() if isinstance(tokenizer, Tokenizer) else tokenizer,
            "max_order": self.max_order,
            "smooth": self.smooth,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds the metric that a `get_config` came from."""
        tokenizer = config["tokenizer"]
        if isinstance(tokenizer, Mapping) and "engine" in tokenizer:
            tokenizer = Tokenizer.from_config(tokenizer)
        elif isinstance(tokenizer, Mapping):
            tokenizer = keras.saving.deserialize_keras_object(tokenizer)
        return cls(**{**config, "tokenizer": tokenizer})


def _references(y_true: Any, texts: int) -> list[list[str]]:
    """The references of each text."""
    references = to_lists(y_true)
    if rank(references) == 3:  # [batch, 1, references]
        references = [row[0] for row in references]
    if rank(references) == 0:
        references = [[references]]
    elif rank(references) == 1:
        references = [references] if texts == 1 else [[reference] for reference in references]
    if len(references) != texts:
        raise DataError(f"Got {texts} texts, but references of {len(references)}")
    return [to_texts(row) for row in references]
