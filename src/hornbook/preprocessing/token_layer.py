"""What layers on rows of tokens have in common: the forms that rows come and go in."""

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import keras
import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.token_rows import Form, TokenRows, read_rows
from hornbook.tokenizers.layer_form import LayerForm
from hornbook.tokenizers.tensorflow_inputs import is_tensorflow


@dataclass(frozen=True)
class Result:
    """What a function on rows gives.

    Attributes:
        dtype: its dtype; None for that of the tokens.
        width: the second dimension of a table [rows, width]; None for rows.
        same_lengths: whether rows are exactly as long as those given.
    """

    dtype: str | None = None
    width: int | None = None
    same_lengths: bool = False


Function = Callable[[Sequence[TokenRows]], Sequence[np.ndarray | TokenRows]]


class TokenLayer(LayerForm, abc.ABC):
    """A step of preprocessing on tokens: the base of packers, maskers and augmentations.

    It is a plain callable that takes lists, numpy arrays and backends' tensors and gives numpy
    arrays; given tensors of TensorFlow, also inside `tf.data.Dataset.map`, it gives such tensors.
    It is saved and loaded by `keras.saving` as layers are.

    Args:
        name: a name of one's own; nothing here uses it.
        dtype: the type that tokens are said to come in, an integer type or "string"; they keep
            the one that they do come in.
        trainable: what layers have; there are no weights that it could change.

    Raises:
        DataError: when `dtype` is of neither kind.
    """

    random = False
    """Whether a call gives something else each time."""

    def __init__(self, name: str | None, dtype: str | None = None, trainable: bool = False) -> None:
        self.name = name
        self.dtype = _check_dtype(dtype)
        self.trainable = trainable

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` needs."""
        return {
            "name": self.name,
            **({} if self.dtype is None else {"dtype": self.dtype}),
            **({"trainable": True} if self.trainable else {}),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds the layer that a `get_config` came from."""
        read = keras.saving.deserialize_keras_object
        return cls(**{k: read(v) if isinstance(v, dict) else v for k, v in config.items()})

    def _run(
        self, function: Function, segments: Sequence[Any], results: Sequence[Result]
    ) -> list[Any]:
        """Calls a numpy function on rows and gives its results in the form of the input.

        Args:
            function: takes the rows of each segment; gives one value a result.
            segments: tokens [length] or [batch, length]; as many rows in each.
            results: what the function gives.

        Raises:
            DataError: when the segments aren't rows of tokens, or differ in the number of rows.
        """
        if any(map(is_tensorflow, segments)):
            from hornbook.preprocessing import token_tensors

            return token_tensors.run(function, segments, results, self.random)
        read = [read_rows(segment) for segment in segments]
        check_rows([form.batched for _, form in read], [len(rows.lengths) for rows, _ in read])
        values = function([rows for rows, _ in read])
        return [
            _as_given(value, result, read[0][1])
            for value, result in zip(values, results, strict=True)
        ]


def check_rows(batched: Sequence[bool], counts: Sequence[int]) -> None:
    """Checks that segments belong together: all batches of as many rows, or all single rows."""
    if len(set(batched)) > 1:
        raise DataError("Some segments are batches and others single rows; give all alike")
    if len(set(counts)) > 1:
        raise DataError(f"The segments have {list(counts)} rows; expected as many in each")


def _check_dtype(dtype: str | None) -> str | None:
    """Returns the dtype's name, as a config holds it."""
    if dtype is None or dtype == "string":
        return dtype
    try:
        kind = np.dtype(dtype)
    except TypeError as error:
        raise DataError(f"dtype is {dtype!r}; expected an integer type or 'string'") from error
    if kind.kind not in "iu":
        raise DataError(f"dtype is {dtype!r}; expected an integer type or 'string'")
    return kind.name


def check_rate(name: str, rate: float) -> float:
    """Returns the rate.

    Raises:
        DataError: when it is no share.
    """
    if not 0 <= rate <= 1:
        raise DataError(f"{name} is {rate}; expected a share between 0 and 1")
    return rate


def _as_given(value: np.ndarray | TokenRows, result: Result, form: Form) -> Any:
    if isinstance(value, np.ndarray):
        return value if form.batched else value[0]
    if not form.batched:
        return value.values
    if form.dense and result.same_lengths:
        return value.values.reshape(len(value.lengths), -1)
    return value.split()
