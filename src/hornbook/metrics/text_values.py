"""Text and tokens as metrics are given them, brought to Python's values."""

import importlib
from typing import Any

import numpy as np

from hornbook.errors import BackendError, DataError
from hornbook.tokenizers.tensorflow_inputs import is_symbolic, is_tensorflow

VALUES = (
    "expected values; leave the metric out of compile() and call it on what predict() or "
    "generate() gives"
)


def to_lists(value: Any) -> Any:
    """Brings text or tokens to nested lists of strings and numbers.

    Args:
        value: a string, a number, or lists, arrays or tensors of these; ragged ones too.

    Raises:
        DataError: when it is a tensor of a graph that is being compiled, which has no values.
    """
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list | tuple):
        return [to_lists(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    if is_tensorflow(value):
        if is_symbolic(value):
            raise DataError(f"Got {value}, a tensor of a graph; {VALUES}")
        if type(value).__name__ == "RaggedTensor":
            return to_lists(value.to_list())
    if type(value).__module__ == "torch":
        value = value.detach().cpu()
    try:
        return to_lists(np.asarray(value).tolist())
    except TypeError as error:
        raise DataError(f"Got {type(value).__name__}, which has no values; {VALUES}") from error


def rank(value: Any) -> int:
    """How deep lists are nested, by their first items."""
    depth = 0
    while isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def to_texts(value: Any) -> list[str]:
    """Brings one text or a batch of them, [batch] or [batch, 1], to a list.

    Raises:
        DataError: when it is anything else.
    """
    texts = to_lists(value)
    texts = texts if isinstance(texts, list) else [texts]
    texts = [item[0] if isinstance(item, list) and len(item) == 1 else item for item in texts]
    for text in texts:
        if not isinstance(text, str):
            raise DataError(f"Got {text!r:.80} where a text was expected")
    return texts


def refuse_weights(sample_weight: Any) -> None:
    """Raises a DataError for sample weights, which metrics of whole texts have no use for."""
    if sample_weight is not None:
        raise DataError(
            "Got sample weights, which this metric doesn't know; list it under metrics, not under "
            "weighted_metrics"
        )


def evaluation_package(name: str) -> Any:
    """Imports one of the packages that the field computes its metrics with.

    Raises:
        BackendError: when it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise BackendError(
            f"This metric needs {package}, which is not installed; run: "
            "pip install 'hornbook[eval]'"
        ) from error
