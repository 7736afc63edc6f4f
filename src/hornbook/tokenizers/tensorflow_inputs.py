"""Tokenizing TensorFlow string tensors, eagerly and inside `tf.data` graphs.

This is the only tokenizer module that imports TensorFlow, and only once it was handed a tensor.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from hornbook.errors import TokenizerError

if TYPE_CHECKING:
    from hornbook.tokenizers.tokenizer import Tokenizer


def is_tensorflow(value: Any) -> bool:
    """Says whether a value is TensorFlow's, without importing it."""
    return type(value).__module__.partition(".")[0] == "tensorflow"


def is_symbolic(value: Any) -> bool:
    """Says whether a value is a tensor of a TensorFlow graph, which has no value yet."""
    if not is_tensorflow(value):
        return False
    import tensorflow as tf

    values = value.flat_values if isinstance(value, tf.RaggedTensor) else value
    return bool(tf.is_symbolic_tensor(values))


def tokenize_tensor(tokenizer: "Tokenizer", inputs: Any) -> Any:
    """Tokenizes a tf string tensor.

    Returns:
        With a sequence length, ids of shape `[*inputs.shape, sequence_length]`, known statically
        as far as the input's shape is. Without one, `[length]` for a scalar, else a ragged tensor
        `[*inputs.shape, None]`.
    """
    import tensorflow as tf

    if isinstance(inputs, tf.RaggedTensor):
        return inputs.with_flat_values(tokenize_tensor(tokenizer, inputs.flat_values))
    if inputs.dtype != tf.string:
        raise TokenizerError(f"Got a tensor of {inputs.dtype.name}; expected strings")
    if inputs.shape.rank is None:
        raise TokenizerError("Got a tensor of unknown rank; call tf.ensure_shape on it first")
    if tokenizer.sequence_length is not None:
        return _padded(tokenizer, inputs)
    return _ragged(tokenizer, inputs)


def _padded(tokenizer: "Tokenizer", inputs: Any) -> Any:
    import tensorflow as tf

    length = tokenizer.sequence_length
    flat = tf.numpy_function(
        lambda texts: tokenizer.tokenize(texts.tolist()),
        [tf.reshape(inputs, [-1])],
        tf.as_dtype(tokenizer.dtype),
        stateful=False,
    )
    return tf.reshape(flat, tf.concat([tf.shape(inputs), [length]], 0))


def _ragged(tokenizer: "Tokenizer", inputs: Any) -> Any:
    import tensorflow as tf

    def on_values(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, lengths = tokenizer.tokenize_flat(texts.tolist())
        return values, np.concatenate([[0], np.cumsum(lengths)])

    values, splits = tf.numpy_function(
        on_values,
        [tf.reshape(inputs, [-1])],
        [tf.as_dtype(tokenizer.dtype), tf.int64],
        stateful=False,
    )
    values, splits = tf.ensure_shape(values, [None]), tf.ensure_shape(splits, [None])
    if inputs.shape.rank == 0:
        return values
    ragged = tf.RaggedTensor.from_row_splits(values, splits, validate=False)
    for axis in range(inputs.shape.rank - 1, 0, -1):
        ragged = tf.RaggedTensor.from_uniform_row_length(
            ragged, tf.shape(inputs, out_type=tf.int64)[axis]
        )
    return ragged


def detokenize_tensor(detokenize: Callable[[Any], Any], ids: Any) -> Any:
    """Detokenizes a graph's ids: `[length]` to one string, `[batch, length]` to `[batch]`."""
    import tensorflow as tf

    if isinstance(ids, tf.RaggedTensor):
        parts = [ids.flat_values, ids.row_lengths()]
    elif ids.shape.rank == 2:
        parts = [tf.reshape(ids, [-1]), tf.fill([tf.shape(ids)[0]], tf.shape(ids)[1])]
    elif ids.shape.rank == 1:
        parts = [ids, [tf.size(ids)]]
    else:
        raise TokenizerError(f"Got ids of shape {ids.shape}; expected [length] or [batch, length]")
    texts = tf.numpy_function(
        lambda flat, lengths: np.array(
            [detokenize(row) for row in np.split(flat, np.cumsum(lengths)[:-1])], dtype=object
        ),
        parts,
        tf.string,
        stateful=False,
    )
    texts = tf.ensure_shape(texts, [ids.shape[0] if ids.shape.rank == 2 else 1])
    return texts if ids.shape.rank == 2 else texts[0]
