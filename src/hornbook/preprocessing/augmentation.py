"""Random changes to rows of tokens, of which some tokens can be left out."""

import abc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.random_choice import generator
from hornbook.preprocessing.token_layer import Result, TokenLayer, check_rate
from hornbook.preprocessing.token_rows import TokenRows
from hornbook.tokenizers.tensorflow_inputs import is_tensorflow

Skip = Callable[[Any], Any] | None


class Augmentation(TokenLayer, abc.ABC):
    """Changes rows of tokens at random: the base of `RandomSwap` and `RandomDeletion`.

    Args:
        rate: the probability that a token is hit.
        most: the most hits a row; None for no limit.
        skip_list: tokens that are never hit.
        skip_fn: takes a token and says whether it is never hit, in operations of TensorFlow that
            a graph can hold; without TensorFlow's tensors, it is given ids and strings.
        skip_py_fn: the same in Python; it is given an int, or a str.
        seed: makes results repeatable; None takes one from numpy's global state.
        name: a name of one's own.
        dtype: an integer type, or "string"; tokens keep the type that they come in.
        trainable: of no effect, as there are no weights.
    """

    random = True
    same_lengths: bool

    def __init__(
        self,
        rate: float,
        most: int | None,
        skip_list: Sequence[int] | Sequence[str] | None,
        skip_fn: Skip,
        skip_py_fn: Skip,
        seed: int | None,
        name: str | None,
        dtype: str | None = None,
        trainable: bool = False,
    ) -> None:
        super().__init__(name, dtype, trainable)
        if sum(choice is not None for choice in (skip_list, skip_fn, skip_py_fn)) > 1:
            raise DataError("Give only one of skip_list, skip_fn and skip_py_fn")
        if most is not None and most < 0:
            raise DataError(f"Got {most} as the most changes a row; expected 0 or more")
        self.rate = check_rate("rate", rate)
        self._most = most
        self.skip_list = None if skip_list is None else list(skip_list)
        self.skip_fn = skip_fn
        self.skip_py_fn = skip_py_fn
        self.seed = seed
        self._rng = generator(seed)

    def __call__(self, inputs: Any) -> Any:
        """Changes rows.

        Args:
            inputs: tokens [length] or [batch, length], ids or strings; rows may differ in length.

        Returns:
            Tokens in the form of the input; where rows lose tokens, a list of arrays or, for
            TensorFlow's tensors, a ragged tensor.

        Raises:
            DataError: when the input isn't rows of tokens.
        """
        segments = [inputs]
        if self.skip_fn is not None and is_tensorflow(inputs):
            segments.append(_mapped(self.skip_fn, inputs))
        result = Result(same_lengths=self.same_lengths)
        return self._run(self._changed_rows, segments, [result])[0]

    def _changed_rows(self, segments: Sequence[TokenRows]) -> list[np.ndarray | TokenRows]:
        rows = segments[0]
        skipped = segments[1].values if len(segments) > 1 else self._skipped(rows.values)
        return [self._changed(rows, ~skipped)]

    @abc.abstractmethod
    def _changed(self, rows: TokenRows, candidates: np.ndarray) -> TokenRows:
        """Changes rows, of which only the candidates [tokens] may be hit."""

    def _skipped(self, tokens: np.ndarray) -> np.ndarray:
        """Which tokens are never hit; a function is asked once for each distinct token."""
        if self.skip_list is not None:
            # TensorFlow hands over strings as bytes.
            both = [t.encode() for t in self.skip_list if isinstance(t, str)]
            kind = tokens.dtype if tokens.dtype.kind == "O" else None
            return np.isin(tokens, np.array([*self.skip_list, *both], kind))
        function = self.skip_py_fn or self.skip_fn
        if function is None or not len(tokens):
            return np.zeros(len(tokens), bool)
        distinct, places = np.unique(tokens, return_inverse=True)
        plain = (t.decode() if isinstance(t, bytes) else t for t in distinct.tolist())
        return np.array([bool(function(token)) for token in plain])[places]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "skip_list": self.skip_list,
            "skip_fn": self.skip_fn,
            "skip_py_fn": self.skip_py_fn,
            "seed": self.seed,
        }


def _mapped(function: Callable[[Any], Any], tokens: Any) -> Any:
    """What a function says of each token of a tensor, as a tensor of the same shape."""
    import tensorflow as tf

    def each(values: Any) -> Any:
        answers = tf.map_fn(function, tf.reshape(values, [-1]), fn_output_signature=tf.bool)
        return tf.reshape(answers, tf.shape(values))

    if isinstance(tokens, tf.RaggedTensor):
        return tokens.with_flat_values(each(tokens.flat_values))
    return each(tokens)
