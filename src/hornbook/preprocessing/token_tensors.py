"""Functions on rows of tokens over TensorFlow's tensors, in graphs too. It is imported on use."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.errors import DataError
from hornbook.preprocessing.token_layer import Function, Result, check_rows
from hornbook.preprocessing.token_rows import TokenRows, read_rows
from hornbook.tokenizers.tensorflow_inputs import is_tensorflow


def run(
    function: Function, segments: Sequence[Any], results: Sequence[Result], stateful: bool
) -> list[Any]:
    """Runs a numpy function on rows of tokens.

    Args:
        function: takes the rows of each segment; gives one value a result.
        segments: tensors [length] or [batch, length], dense or ragged; a list or array among them
            is taken as a constant.
        results: what the function gives.
        stateful: whether it gives something else each time.

    Returns:
        One tensor a result, with the static shape [batch, width] where there is a width; ragged
        where rows differ in length.
    """
    parts = [part for segment in segments for part in _parts(segment)]
    first = segments[0]
    batched, static_rows = _rows_of(segments)
    dtypes = [result.dtype or parts[0].dtype.name for result in results]

    def on_values(*arrays: np.ndarray) -> list[np.ndarray]:
        rows = [TokenRows(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True)]
        check_rows([True], [len(segment.lengths) for segment in rows])
        outputs: list[np.ndarray] = []
        for value, dtype in zip(function(rows), dtypes, strict=True):
            kind = object if dtype == "string" else dtype
            if isinstance(value, TokenRows):
                outputs += [value.values.astype(kind, copy=False), value.lengths.astype(np.int64)]
            else:
                outputs.append(value.astype(kind, copy=False))
        return outputs

    flat_dtypes = []
    for result, dtype in zip(results, dtypes, strict=True):
        flat_dtypes += [dtype] if result.width is not None else [dtype, "int64"]
    outputs = tf.numpy_function(on_values, parts, flat_dtypes, stateful=stateful)
    outputs = iter(outputs if isinstance(outputs, list | tuple) else [outputs])
    tensors = []
    for result in results:
        values = next(outputs)
        if result.width is not None:
            table = tf.ensure_shape(values, [static_rows, result.width])
            tensors.append(table if batched else table[0])
        else:
            tensors.append(_rows(values, next(outputs), result, first, batched))
    return tensors


def _parts(segment: Any) -> tuple[Any, Any]:
    """All values of a segment, and its rows' lengths."""
    if not is_tensorflow(segment):
        rows, _ = read_rows(segment)
        return tf.constant(rows.values), tf.constant(rows.lengths, tf.int64)
    rank, dtype = segment.shape.rank, segment.dtype
    ragged = isinstance(segment, tf.RaggedTensor)
    if rank not in (1, 2) or (ragged and segment.ragged_rank != 1):
        raise DataError(
            f"Got tokens of shape {segment.shape}; expected [length] or [batch, length]"
        )
    if not (dtype.is_integer or dtype.is_bool or dtype == tf.string):
        raise DataError(f"Got tokens of type {dtype.name}; expected ids or strings")
    if ragged:
        return segment.values, tf.cast(segment.row_lengths(), tf.int64)
    shape = tf.shape(segment, out_type=tf.int64)
    lengths = shape if rank == 1 else tf.fill([shape[0]], shape[1])
    return tf.reshape(segment, [-1]), lengths


def _rows_of(segments: Sequence[Any]) -> tuple[bool, int | None]:
    """Whether segments are batches, and of how many rows where that is known beforehand."""
    batched, known = [], []
    for segment in segments:
        if is_tensorflow(segment):
            batched.append(segment.shape.rank == 2)
            known.append(segment.shape[0] if batched[-1] else 1)
        else:
            rows, form = read_rows(segment)
            batched.append(form.batched)
            known.append(len(rows.lengths))
    counts = [count for count in known if count is not None]
    check_rows(batched, counts)
    return batched[0], counts[0] if counts else None


def _rows(values: Any, lengths: Any, result: Result, given: Any, batched: bool) -> Any:
    if not result.same_lengths:
        values = tf.ensure_shape(values, [None])
        lengths = tf.ensure_shape(lengths, [None])
        if not batched:
            return values
        return tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)
    if isinstance(given, tf.RaggedTensor):
        return given.with_values(tf.ensure_shape(values, given.values.shape))
    return tf.ensure_shape(tf.reshape(values, tf.shape(given)), given.shape)
