"""The forms in which raw text reaches a preprocessor, brought to columns of strings."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hornbook.errors import DataError
from hornbook.tokenizers.tensorflow_inputs import is_tensorflow
from hornbook.tokenizers.text_inputs import to_strings


def is_text(value: Any) -> bool:
    """Says whether a value is raw text, in any form that preprocessors read.

    Only the first element of a list is looked at.
    """
    if isinstance(value, str | bytes):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "USTO" and value.size > 0 and is_text(value.reshape(-1)[0])
    if is_tensorflow(value):
        return getattr(getattr(value, "dtype", None), "name", None) == "string"
    if isinstance(value, Mapping):
        return any(map(is_text, value.values()))
    return isinstance(value, list | tuple) and len(value) > 0 and is_text(value[0])


def split_columns(x: Any) -> tuple[list[Any], bool]:
    """Tells single texts from pairs.

    Args:
        x: one text; a list or array of texts; a tuple of two such batches (or of two scalar
            tensors); or a list of pairs.

    Returns:
        One column, or two for pairs, as they were given, and whether they hold batches.

    Raises:
        DataError: when `x` has more than two columns, or two of different lengths.
    """
    if isinstance(x, np.ndarray) and x.ndim == 2:
        x = tuple(x.T)
    elif isinstance(x, list) and x and isinstance(x[0], list | tuple):
        if len({len(row) for row in x}) > 1:
            raise DataError("Some rows hold one text and others two; expected as many in each row")
        x = tuple(list(column) for column in zip(*x, strict=True))
    if not (isinstance(x, tuple) and x and not isinstance(x[0], str | bytes)):
        return [x], _is_batch(x)
    if len(x) > 2:
        raise DataError(
            f"Got {len(x)} columns of text; expected one or two: a list of texts, or a tuple of "
            "two lists for pairs"
        )
    if len({len(column) for column in x if isinstance(column, list | np.ndarray)}) > 1:
        raise DataError(
            f"The two texts of a pair come in columns of {len(x[0])} and {len(x[1])}; expected "
            "equally many"
        )
    return list(x), _is_batch(x[0])


def _is_batch(column: Any) -> bool:
    if is_tensorflow(column):
        return bool(column.shape.rank != 0)
    return isinstance(column, list | tuple) or (isinstance(column, np.ndarray) and column.ndim > 0)


def column_strings(column: Any) -> list[str]:
    """Brings one column to a list of strings; one text becomes a list of one.

    Raises:
        TokenizerError: when it holds anything but text.
    """
    return to_strings(column)[0]
