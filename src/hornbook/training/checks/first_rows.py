"""The first rows of what `fit` is given, looked at without using anything up."""

import contextlib
import random
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from hornbook.preprocessing import Preprocessor
from hornbook.preprocessing.text_columns import column_strings, is_text, split_columns
from hornbook.training.background import BackgroundBatches
from hornbook.training.checks.finding import Batch
from hornbook.training.data import as_texts
from hornbook.training.text_batches import DEFAULT_BATCH_SIZE, TextBatches
from hornbook.training.text_datasets import is_a

ROWS = 32
CHARACTERS = 50_000  # read of all texts together
CHARACTERS_A_TOKEN = 8  # enough to tell that a text is longer than the sequence length
READ_AHEAD = 1000  # elements that a dataset may have to read before its first

Rows = tuple[Any, Any, Any]


def number_of_batches(x: Any, batch_size: int | None, validation_split: float) -> int | None:
    """How many batches a pass has, or None where that isn't known before it ends."""
    x = as_texts(x)
    if is_text(x) or is_arrays(x):
        first = split_columns(x)[0][0] if is_text(x) else keras.tree.flatten(x)[0]
        rows = int(len(first) * (1 - validation_split))
        return max(-(-rows // (batch_size or DEFAULT_BATCH_SIZE)), 1)
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches
    if is_a(x, "tensorflow", "data.Dataset"):
        batches = int(x.cardinality())
        return batches if batches >= 0 else None
    if is_a(x, "torch", "utils.data.DataLoader") or is_a(x, "grain", "MapDataset"):
        with contextlib.suppress(TypeError):  # an iterable dataset has no length
            return len(x)
    return None


def first_rows(x: Any, y: Any, sample_weight: Any, batch_size: int | None) -> Rows | None:
    """The first rows `x, y, sample_weight`, or None where looking would use data up.

    Generators, iterable datasets, and `tf.data` pipelines that hold a generator or a long shuffle
    are left alone. The random numbers of Python, numpy and torch are as before.
    """
    x = as_texts(x)
    rows = min(batch_size or DEFAULT_BATCH_SIZE, ROWS)
    if is_text(x):
        columns, _ = split_columns(x)
        x = tuple(column[:rows] for column in columns) if len(columns) > 1 else columns[0][:rows]
        return x, _head(y, rows), _head(sample_weight, rows)
    if is_arrays(x):
        return _head(x, rows), _head(y, rows), _head(sample_weight, rows)
    with _same_random_numbers():
        batch = _first_batch(x)
    if batch is None:
        return None
    if isinstance(batch, list) and batch and not isinstance(batch[0], str | bytes):
        batch = tuple(batch)  # as Keras takes a list
    x, y, sample_weight = (*(batch if isinstance(batch, tuple) else (batch,)), None, None)[:3]
    return _head(as_texts(x), rows), _head(y, rows), _head(sample_weight, rows)


def _first_batch(x: Any) -> Any:
    if isinstance(x, BackgroundBatches):
        x = x.source
    if isinstance(x, TextBatches):
        columns = [column[:ROWS] for column in x.columns]
        weights = _head(x.sample_weight, ROWS)
        return (tuple(columns) if len(columns) > 1 else columns[0], _head(x.y, ROWS), weights)
    if isinstance(x, keras.utils.PyDataset):
        return x[0] if x.num_batches != 0 else None
    if is_a(x, "tensorflow", "data.Dataset"):
        return next(iter(x.take(1).as_numpy_iterator()), None) if _reads_little(x) else None
    if is_a(x, "torch", "utils.data.DataLoader"):
        if is_a(x.dataset, "torch", "utils.data.IterableDataset") or x.batch_size is None:
            return None
        several = range(min(x.batch_size, len(x.dataset), ROWS))
        return x.collate_fn([x.dataset[index] for index in several])
    return x[0] if is_a(x, "grain", "MapDataset") and len(x) else None


def _reads_little(dataset: Any) -> bool:
    """Says whether a `tf.data` pipeline's first element comes soon, and can come again.

    `from_generator` is a flat map, and what it holds may be used up after one pass.
    """
    waiting, read = [dataset], 1
    while waiting:
        one = waiting.pop()
        if "FlatMap" in type(one).__name__ or "Generator" in type(one).__name__:
            return False
        if "Shuffle" in type(one).__name__:
            read *= max(int(one._buffer_size), 1)
        waiting.extend(one._inputs())
    return read <= READ_AHEAD


@contextlib.contextmanager
def _same_random_numbers() -> Iterator[None]:
    python, of_numpy = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")
    of_torch = None if torch is None else torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(of_numpy)
        if torch is not None:
            torch.set_rng_state(of_torch)


def is_arrays(x: Any) -> bool:
    """Says whether data is an array, or several in a dict, list or tuple."""
    parts = keras.tree.flatten(x)
    if any(isinstance(part, keras.KerasTensor) for part in parts):
        return False
    return bool(parts) and all(len(getattr(part, "shape", None) or ()) > 0 for part in parts)


def _head(value: Any, rows: int) -> Any:
    """The first rows of labels, weights or inputs, in whatever they are kept."""
    if isinstance(value, list) and value and isinstance(value[0], str | bytes | int | float):
        return value[:rows]
    return keras.tree.map_structure(lambda part: None if part is None else part[:rows], value)


def read(rows: Rows, preprocessor: Any) -> tuple[tuple[str, ...], Batch | None]:
    """Turns the first rows into texts, where they are text, and what the model is trained on."""
    x, y, sample_weight = rows
    texts: tuple[str, ...] = ()
    if is_text(x):
        if not isinstance(preprocessor, Preprocessor):
            return (), None
        x, kept = _shortened(x, preprocessor.sequence_length)
        texts = tuple(x) if isinstance(x, list) else ()
        y = None if preprocessor.makes_labels else _head(y, kept)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = preprocessor(x, y, _head(sample_weight, kept))
        x, y, sample_weight = (*(made if isinstance(made, tuple) else (made,)), None, None)[:3]
    return texts, _as_batch(x, y, sample_weight)


def _shortened(x: Any, length: int) -> tuple[Any, int]:
    """Texts, or a tuple of columns of them, each cut where no token is read any more."""
    most = CHARACTERS_A_TOKEN * length
    columns = [[text[:most] for text in column_strings(column)] for column in split_columns(x)[0]]
    kept, total = 0, 0
    for row in zip(*columns, strict=True):
        total += sum(map(len, row))
        if kept and total > CHARACTERS:
            break
        kept += 1
    columns = [column[:kept] for column in columns]
    return (columns[0] if len(columns) == 1 else tuple(columns)), kept


def _as_batch(x: Any, y: Any, sample_weight: Any) -> Batch:
    named = x if isinstance(x, Mapping) else {"": x}
    inputs = {
        name: _array(value) for name, value in named.items() if is_arrays(value) and _single(value)
    }
    labels = _array(y) if y is not None and _single(y) else None
    weights = None
    if labels is not None and sample_weight is not None and _single(sample_weight):
        weights = _array(sample_weight)
        weights = weights.reshape(weights.shape + (1,) * (labels.ndim - weights.ndim))
        weights = np.broadcast_to(weights, labels.shape)
    return Batch(inputs, labels, weights)


def _single(value: Any) -> bool:
    """Tells one array, or a list of numbers, from several arrays."""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], int | float)
    return not isinstance(value, Mapping | tuple)


def _array(value: Any) -> np.ndarray:
    return np.asarray(value if isinstance(value, list) else keras.ops.convert_to_numpy(value))
