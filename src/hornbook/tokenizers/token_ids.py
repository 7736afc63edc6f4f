"""The forms in which token ids come back to a tokenizer, brought to lists of ints."""

from typing import Any

import numpy as np

from hornbook.errors import TokenizerError


def to_id_lists(inputs: Any) -> tuple[list[list[int]], bool]:
    """Brings token ids to lists of ints, one a text.

    Args:
        inputs: ids `[length]` or `[batch, length]` (rows may differ in length): nested lists,
            numpy arrays, or tensors of JAX, torch or TensorFlow on any device. A single id counts
            as `[1]`.

    Returns:
        One list an input row, and whether the input was a batch.

    Raises:
        TokenizerError: when it holds anything but integers, or has more than two dimensions.
    """
    if isinstance(inputs, list | tuple):
        if any(_is_row(row) for row in inputs):
            return [_row(row) for row in inputs], True
        return [_row(inputs)], False
    if type(inputs).__name__ == "RaggedTensor":
        return [_row(row) for row in inputs.to_list()], True
    array = _to_array(inputs)
    if array.ndim == 2:
        return [_row(row) for row in array], True
    return [_row(array)], False


def _is_row(value: Any) -> bool:
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0


def _row(ids: Any) -> list[int]:
    array = _to_array(ids)
    if array.ndim > 1:
        raise TokenizerError(
            f"Got token ids of shape {array.shape}; expected [length] or [batch, length]"
        )
    if array.size and array.dtype.kind not in "iu":
        raise TokenizerError(f"Got values of type {array.dtype}; token ids are integers")
    if array.size and array.min() < 0:
        raise TokenizerError(
            f"Got the token id {array.min()}; ids are not negative: labels that are masked with a "
            "negative number have to be left out before they are decoded"
        )
    return array.reshape(-1).tolist()


def _to_array(value: Any) -> np.ndarray:
    if type(value).__module__ == "torch":
        value = value.detach().cpu()
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise TokenizerError(f"Got {type(value).__name__}; expected token ids") from error
